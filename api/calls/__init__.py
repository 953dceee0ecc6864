"""The way of a call: who calls, how often, with which body, under which key."""
