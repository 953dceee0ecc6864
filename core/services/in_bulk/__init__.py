"""Services for many people at once, who were checked before: what one person's service does, in bulk."""
