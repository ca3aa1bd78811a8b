"""Switch the sign-in by a mailed code off: `SIGN_IN_BY_CODE=0`."""

import pytest

from tests.kit.rings import starts_processes

GONE = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
client = Client()
json_type = {"content_type": "application/json"}
answers = {
    "page": client.get("/accounts/login/code/").status_code,
    "form": client.post("/accounts/login/code/", {"email": "a@example.com"}).status_code,
    "confirm": Client().get("/accounts/login/code/confirm/")["Location"],
    "api": client.post("/api/token/code/", {"email": "a@example.com"}, **json_type).status_code,
    "api confirm": client.post("/api/token/code/confirm/", {}, **json_type).status_code,
    "app": client.post("/_allauth/app/v1/auth/code/request", {}, **json_type).status_code,
    "resend": client.post("/_allauth/app/v1/auth/code/resend", {}, **json_type).status_code,
    "frontend": client.post("/_allauth/browser/v1/auth/code/request", {}, **json_type).status_code,
    "button": "formaction" in Client().get("/accounts/login/").text,
    "schema": "operationId: token_code" in client.get("/api/schema/").text,
}
"""


@pytest.mark.parametrize("value", ["0", "1"])
@starts_processes
def test_the_setting_decides_whether_the_doors_exist(site_under, value):
    answers = site_under(GONE, SIGN_IN_BY_CODE=value)

    exists = value == "1"
    assert answers == {
        "page": 200 if exists else 404,
        "form": 302 if exists else 404,
        "confirm": "/accounts/login/code/" if exists else "/accounts/login/",
        "api": 200 if exists else 404,
        "api confirm": 400 if exists else 404,
        "app": 400 if exists else 404,
        "resend": 409 if exists else 404,
        "frontend": 400 if exists else 404,
        "button": exists,
        "schema": exists,
    }
