"""Seats: pools of places on a product, and the teams that have them."""
