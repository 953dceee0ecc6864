"""The sync state of the objects on a page, and buttons that start a pull."""
