"""What every run is made of: its life, its steps, and walking a list."""
