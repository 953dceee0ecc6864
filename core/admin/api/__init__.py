"""The screen API: the tokens of the REST API, with its address on top."""
