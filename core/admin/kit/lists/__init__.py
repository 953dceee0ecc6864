"""Lists: paging, filters, columns, files, and what is done to chosen rows."""
