from django.urls import path

from api import pages
from api.site import api

urlpatterns = [
    path("", pages.root),
    path("docs", pages.documentation),
    path("docs/", pages.documentation),
    path("openapi.json", pages.schema),
    path("", api.urls),
]
