"""The addresses of the dashboard, and further ones that later pages may have."""

from django.http import HttpResponse, JsonResponse
from django.urls import include, path, re_path

from project.urls import urlpatterns as product


def answer(request, **parameters):
    if request.GET.get("fail"):
        raise ValueError(f"could not answer {request.get_full_path()} to {request.POST!r} {request.body!r}")
    return JsonResponse({}) if request.method == "GET" else HttpResponse(status=405)


teams = [path("<slug:team>/invitations/<uidb64>/<str:token>/", answer, name="invited")]
urlpatterns = [
    path("account/email-change/<uidb64>/<token>/", answer, name="email_change"),
    path("teams/", include(teams)),
    path("files/<path:name>/with/<signed_key>", answer, name="file"),
    path("runs/<int:token_id>/plain/", answer, name="number"),
    re_path(r"^old/(?P<number>[^/]+)/(?P<secret>[^/]+)/$", answer, name="old"),
    *product,
]
