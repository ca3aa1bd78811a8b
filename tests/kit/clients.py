"""Sign in as a browser or an app, and make the headers that they send."""

import json

from allauth.account.internal.flows.login import record_authentication
from allauth.core import context
from django.conf import settings
from django.contrib import auth
from django.http import HttpResponse
from django.test import RequestFactory

from accounts.pages import stays
from accounts.pages.middleware import AuthSessionMiddleware
from config.middleware import SessionMiddleware
from tests.kit.factories import PASSWORD

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)


def sign_in(client, user, password=PASSWORD, *, door="page", **fields):
    """Sign in and return the response. `door` is `page`, `api`, or `app` for allauth's headless API."""
    if door == "page":
        return client.post("/accounts/login/", {"login": user.email, "password": password} | fields)
    path = {"api": "/api/token/", "app": "/_allauth/app/v1/auth/login"}[door]
    body = {"email": user.email, "password": password} | fields
    return client.post(path, json.dumps(body), content_type="application/json")


def open_browser(browser, user):
    """Sign the browser in as the page does after a right password, in a quarter of its time."""

    def login(request):
        stays.apply(request)
        record_authentication(request, user, method="password", email=user.email)
        auth.login(request, user, settings.AUTHENTICATION_BACKENDS[0])
        return HttpResponse()

    request = RequestFactory(headers={"user-agent": CHROME}).post("/accounts/login/")
    with context.request_context(request):
        response = SessionMiddleware(AuthSessionMiddleware(login))(request)
    browser.cookies.update(response.cookies)


def is_signed_in(browser):
    return browser.get("/api/me/").status_code == 200


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
