"""Services for the whole site: mail, notices, health checks, and requests for pulls and their state."""
