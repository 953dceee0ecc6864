"""Products: courses and bundles."""
