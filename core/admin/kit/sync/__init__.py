"""How what a page shows stands with Thinkific."""
