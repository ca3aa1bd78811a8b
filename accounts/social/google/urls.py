from allauth.socialaccount.providers.oauth2.urls import default_urlpatterns
from django.urls import path

from accounts.social.google import webhook
from accounts.social.google.provider import GoogleProvider

urlpatterns = [
    *default_urlpatterns(GoogleProvider),
    path("google/security-events/", webhook.receive, name="google_security_events"),
]
