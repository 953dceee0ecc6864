"""Groups of Thinkific."""
