"""Add the viewers of mail and webhooks to the site's addresses. This is the `ROOT_URLCONF` under DEMO=1."""

from django.urls import path

from config import urls
from config.urls import handler400, handler403, handler404, handler429, handler500
from demo import caught_mail, webhooks

__all__ = ["handler400", "handler403", "handler404", "handler429", "handler500", "urlpatterns"]

urlpatterns = [
    *urls.urlpatterns,
    path("demo/mail/", caught_mail.view, name="caught-mail"),
    path("demo/webhooks/", webhooks.view, name="received-webhooks"),
    path("demo/webhooks/receive/", webhooks.receive, name="receive-webhook"),
]
