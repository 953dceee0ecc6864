"""Calls of the REST API in a kill storm, and what must be true after it.

Importing it sets Django up, so the environment of the process must name the database and the stand-in.
"""

import django

django.setup()
