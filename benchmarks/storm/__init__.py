"""The part of a kill storm that runs with Django: edits, workers, the comparison at the end.

Importing it sets Django up, so the environment of the process must name the database and the stand-in.
"""

import django

django.setup()
