"""What Django reads of a path and of cookies is what a browser would."""

import pytest
from django.utils.encoding import repercent_broken_unicode

from config import incoming


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/login/",
        "/한글/%E9",
        b"/\xe9t\xe9/\xed\x95\x9c/\xff\xfe",
        b"/cut\xed\x95",
        b"/\xed\xa0\x80/\xc0\xaf",
        b"\xe9" * 5000,
    ],
    ids=lambda path: path[:20],
)
def test_a_path_is_encoded_as_django_does(path):
    raw = path if isinstance(path, bytes) else path.encode()
    environ = {"PATH_INFO": raw.decode("latin-1")}

    incoming.prepare(environ)

    prepared = environ["PATH_INFO"].encode("latin-1")
    assert prepared == repercent_broken_unicode(raw)
    assert prepared.decode()  # so Django has nothing left to encode


def test_a_request_without_cookies_gets_none():
    environ = {"PATH_INFO": "/"}

    incoming.prepare(environ)

    assert environ == {"PATH_INFO": "/"}


def test_a_cookie_that_only_looks_like_ours_is_removed():
    environ = {"PATH_INFO": "/", "HTTP_COOKIE": "a=b; \xe2\x80\x80__Host-session=x"}

    incoming.prepare(environ)

    assert environ["HTTP_COOKIE"] == "a=b"
