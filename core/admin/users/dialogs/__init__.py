"""What can be done to users."""
