from django.urls import path

from api import pages
from api.site import api

urlpatterns = [path("docs", pages.documentation), path("docs/", pages.documentation), path("", api.urls)]
