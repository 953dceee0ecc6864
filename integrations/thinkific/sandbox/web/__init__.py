"""How the stand-in answers over HTTP: limits, faults, and rows as they go on the wire."""
