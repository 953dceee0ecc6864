"""Writing to the database: many rows at once, folded columns, broken constraints."""
