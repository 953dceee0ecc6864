"""What benchmarks do inside of the product, in processes of their own.

Importing it sets Django up, so the environment must name the database and the stand-in before.
"""

import django

django.setup()
