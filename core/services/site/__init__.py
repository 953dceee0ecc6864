"""What concerns the whole site: mail, notices, health, and how the pulls stand."""
