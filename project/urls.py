from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from api.stripe import receive as receive_from_stripe
from project.pages.opening import FollowShortLink

handler400 = "project.middleware.unavailable.bad_request"
handler500 = "project.middleware.unavailable.server_error"


def icon(request: HttpRequest) -> HttpResponseRedirect:
    """Browsers ask for it by themselves where a page names no icon, such as a file or an error page."""
    return HttpResponseRedirect(static("dashboard/icon.svg"), headers={"Cache-Control": "max-age=86400"})


urlpatterns = [
    path("favicon.ico", icon),
    path("admin/", admin.site.urls),
    path("api/", include("api.urls")),
    path("webhooks/", include("integrations.thinkific.urls")),
    path("webhooks/stripe", receive_from_stripe),
    path("webhooks/stripe/", receive_from_stripe),
    # People type short links from paper, with and without a slash at the end.
    path("go/<code>", FollowShortLink.as_view(), name="short_link"),
    path("go/<code>/", FollowShortLink.as_view()),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
