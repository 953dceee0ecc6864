"""The request budget of a site, shared by every process on every machine."""
