"""Passwords with special characters work in addresses, and no error repeats one."""

import string
from urllib.parse import quote, unquote, urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import addresses, database, redis

AWKWARD = [
    *string.punctuation,
    *(
        "a/b",
        "a?b",
        "a#b",
        "a@b",
        "a:b",
        "a b",
        "a%b",
        "a%2",
        "a]b",
        "?a=b",
        "5/x",
        "5?x",
        "암호",
    ),
    "p@ss/w?rd#1:2&3=4 5%",
    string.punctuation,
]


@pytest.mark.parametrize("password", AWKWARD)
def test_a_mail_password_is_read_raw_or_encoded(password):
    for written in (password, quote(password, safe="")):
        settings = addresses.mail(f"smtp+tls://me@example.com:{written}@mail.example.com:587")

        assert settings["EMAIL_HOST_USER"] == "me@example.com"
        assert settings["EMAIL_HOST_PASSWORD"] == password
        assert (settings["EMAIL_HOST"], settings["EMAIL_PORT"]) == ("mail.example.com", 587)


@pytest.mark.parametrize("password", AWKWARD)
def test_a_database_password_is_read_raw_or_encoded(password):
    for written in (password, quote(password, safe="")):
        settings = database.configure(f"postgres://user:{written}@h1:5433/name?sslmode=require")

        assert (settings["USER"], settings["PASSWORD"]) == ("user", password)
        assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("h1", "5433", "name")
        assert settings["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize("password", AWKWARD)
def test_a_redis_password_is_read_raw_or_encoded(password):
    for written in (password, quote(password, safe="")):
        url = redis.caches(f"redis://user:{written}@host:6379/3")["sessions"]["LOCATION"]

        assert unquote(urlsplit(url).password) == password
        assert (urlsplit(url).hostname, urlsplit(url).port, urlsplit(url).path) == (
            *("host", 6379),
            "/3",
        )


@pytest.mark.parametrize(
    "url",
    [
        "redis://host:6379/0",
        "redis://localhost?client_name=a@b",
        "unix:///tmp/a@b.sock?db=1",
        "sqlite:////srv/a@b/db.sqlite3",
        "postgres://user:p%40ss@h1:5433,[::1]:5434/name?application_name=a@b&x=1",
        "postgres://user@h/name",
        "filemail://",
        "no address",
        "",
    ],
)
def test_an_address_that_is_right_stays_as_it_is(url):
    assert addresses.encoded(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "smtp+tls://user:a-password@mail.example.com:port",
        "smtp+tls://user:a-password@[::1",
        "smtp+tls://user:a-password@mail.example.com:99999",
        "user:a-password@mail.example.com",
        "a-password://mail.example.com",
    ],
)
def test_mail_that_cannot_be_read_is_refused_and_not_repeated(url):
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL") as refused:
        addresses.mail(url)

    assert "a-password" not in str(refused.value)
    assert "mail.example.com" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMAIL_URL", "smtp+tls://user:a-password@h:port"),
        ("DATABASE_URL", "postgres://user:a-password@h:port/name"),
        ("REDIS_URL", "redis://:a-password@h:port/0"),
    ],
)
@pytest.mark.parametrize("start", ["import config.wsgi", "import manage_py"])
def test_the_process_ends_with_one_line(boot, name, value, start):
    if start == "import manage_py":
        start = (
            "import sys, runpy; sys.argv = ['manage.py', 'check'];"
            "runpy.run_path('manage.py', run_name='__main__')"
        )

    done = boot(start, **{name: value})

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "a-password" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_value_that_begins_with_a_dollar_is_no_other_variable(site_under):
    answers = site_under(
        "options = settings.CACHES['sessions']['OPTIONS']['CONNECTION_POOL_KWARGS']\n"
        "answers = options['password']",
        REDIS_URL="",
        REDIS_SENTINELS="127.0.0.1:1",
        REDIS_PASSWORD="$word",
    )

    assert answers == "$word"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://A.example:443", "https://a.example"),
        ("HTTP://a.example:80", "http://a.example"),
        ("http://a.example:443", "http://a.example:443"),
        ("https://[::1]:443", "https://[::1]"),
        ("https://a.example:", "https://a.example"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url, origin):
    assert addresses.origin(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        *("https://a.example/", "https://A.example/path", "https://user@a.example:443", "", "*"),
        *("https://a.example:port", "https://a.example:99999", "https://[a", "a.example"),
        *("android:apk-key-hash:Ab", "ftp://A.example", "https://:443", "https://a.example?x"),
    ],
)
def test_a_text_that_is_no_origin_stays_as_it_is(url):
    assert addresses.origin(url) == url
