"""Cookies with odd names are no cookies of ours; odd values are left alone."""

import pytest
from django.http import parse_cookie

from accounts import cookies


@pytest.mark.parametrize(
    "space",
    [
        "\xa0",
        "\x85",
        "\xc2\xa0",
        "\xc2\x85",
        "\xe2\x80\x80",
        "\xe3\x80\x80",
        "\x1c",
        "\x0b",
        "\x0c",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("name", ["{}__Host-session", "__Host-session{}", " {} __Host-session"])
def test_a_name_with_a_space_that_browsers_keep_is_removed(space, name):
    header = f"a=b; {name.format(space)}=x; c=d"

    assert cookies.named_plainly(header) == "a=b; c=d"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "a=b",
        "a=b; c",
        "a=b;\tc=d",
        "name=\xed\x95\x9c\xea\xb8\x80",
        "quoted=\"\xe2\x80\x80\"; a='b'; =c",
    ],
)
def test_other_cookies_are_left_alone(header):
    assert cookies.named_plainly(header) == header


def test_nothing_is_left_that_django_would_read_as_ours():
    spaces = [chr(code) for code in range(0x110000) if chr(code).isspace()]
    odd = [each for each in spaces if each not in cookies.BLANK]
    sent = ";".join(f"{each}session=x" for each in odd)

    as_wsgi_has_it = cookies.named_plainly(sent.encode().decode("latin-1"))

    assert parse_cookie(as_wsgi_has_it.encode("latin-1").decode()) == {}
