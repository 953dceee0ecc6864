"""The invented site: its rows, its clock and its generator."""
