"""Tags: labels on people."""
