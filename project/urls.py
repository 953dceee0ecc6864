from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

handler400 = "project.middleware.unavailable.bad_request"
handler500 = "project.middleware.unavailable.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("webhooks/", include("integrations.thinkific.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
