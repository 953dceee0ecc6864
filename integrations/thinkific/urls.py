from django.urls import path

from integrations.thinkific.webhooks.view import receive

urlpatterns = [
    path("thinkific/", receive, name="thinkific_webhook"),
    path("thinkific", receive),  # some people leave out the slash, and a redirect would lose the body
]
