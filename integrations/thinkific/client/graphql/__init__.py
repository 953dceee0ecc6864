"""Thinkific's GraphQL: the texts of the queries, sending them page by page, and reading the answers."""
