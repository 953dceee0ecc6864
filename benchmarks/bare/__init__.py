"""A bare django-ninja site on the dashboard's tables: the baseline for the REST API. It has no middleware, no
tokens and no limits, and does the same queries."""
