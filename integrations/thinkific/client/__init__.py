"""HTTP with Thinkific, and nothing else: no models, no rules, no transactions."""
