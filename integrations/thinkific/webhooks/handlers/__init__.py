"""What is done with the events of each topic."""
