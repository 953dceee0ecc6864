"""What a kill storm does inside of the product: edits, workers, the comparison at the end.

Importing it sets Django up, so it is for a process whose environment names the database and the stand-in.
"""

import django

django.setup()
