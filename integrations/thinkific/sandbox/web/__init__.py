"""The HTTP side of the stand-in: server, limits, faults, and the encoding of rows."""
