"""The parts of benchmarks that run with Django, in processes of their own.

Importing it sets Django up, so the environment of the process must name the database and the stand-in.
"""

import django

django.setup()
