"""Test that each check reports its own mistake and nothing else."""

import pytest
from cryptography.fernet import Fernet

from accounts.federation.providers.addresses import Client
from accounts.webhooks import signing
from config import addresses
from config.checks import (
    deployment,
    former_site,
    origins,
    passwords,
    providers,
    redis,
    secret_keys,
)
from tests.kit.legacy import key_pair

SAFE = {
    "SITE_URL": "https://auth.example.com",
    "DEMO": False,
    "DEBUG": False,
    "FRONTEND_ORIGINS": ["https://app.example.com"],
    "ALLOWED_HOSTS": ["auth.example.com"],
    "DATA_ENCRYPTION_KEYS": [Fernet.generate_key().decode()],
    "SESSION_ID_KEY": "s" * 32,
    "SECRET_KEY": "k" * 50,
    "REDIS_IS_EMBEDDED": False,
    "REDIS_SENTINELS": [],
    "TRUSTED_PROXY_COUNT": 1,
    "PROVIDER_CLIENTS": {"google": Client(), "kakao": Client(), "naver": Client()},
    "KAKAO_APP_ID": "",
    "LEGACY_SIGN_IN_URL": "",
    "LEGACY_TOKEN_KEY": "",
    "LEGACY_TOKEN_ALGORITHM": "HS256",
    "PASSWORD_BREACH_API": "",
    "PASSWORD_BREACH_FILE": "",
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
}
POSTGRES, SQLITE = "django.db.backends.postgresql", "django.db.backends.sqlite3"


@pytest.fixture
def found(settings):
    """Return the ids that the checks report with these changes to safe settings."""

    def run(**changes):
        for name, value in (SAFE | changes).items():
            setattr(settings, name, value)
        return [
            message.id
            for check in (
                origins.check_addresses,
                secret_keys.check_secrets,
                redis.check_redis_addresses,
                providers.check_providers,
                passwords.check_breaches,
                former_site.check_legacy_tokens,
                former_site.check_former_system,
                deployment.check_deployment,
            )
            for message in check(None)
        ]

    return run


@pytest.fixture(autouse=True)
def postgres(settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", POSTGRES)


def test_a_safe_deployment_has_no_findings(found):
    assert found() == []


def test_a_laptop_has_only_the_deployment_hints(found):
    ids = found(
        SITE_URL="http://localhost:8000",
        DEMO=True,
        DEBUG=True,
        FRONTEND_ORIGINS=["http://localhost:8001", "http://127.0.0.1:8001", "http://a.localhost"],
        ALLOWED_HOSTS=["localhost"],
    )

    assert ids == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "auth.example.com",
        "https://auth.example.com/",
        "https://auth.example.com/path",
        "https://auth.example.com?a=b",
        "https://auth.example.com#a",
        "ftp://auth.example.com",
        "https://",
        "https://*.example.com",
        "https://user@auth.example.com",
        "https://auth.example.com:port",
        "https://auth.example.com:99999",
        "HTTPS://auth.example.com ",
    ],
)
def test_a_site_url_that_is_not_an_origin_is_e001(found, address):
    assert "accounts.E001" in found(SITE_URL=address)


@pytest.mark.parametrize(
    "address", ["http://auth.example.com", "http://localhost.example.com", "http://10.0.0.1"]
)
def test_a_public_site_without_https_is_e002(found, address):
    assert found(SITE_URL=address) == ["accounts.E002"]


def test_demo_on_a_public_site_is_e003(found):
    assert found(DEMO=True) == ["accounts.E003"]


def test_debug_on_a_public_site_is_e004(found):
    assert found(DEBUG=True) == ["accounts.E004"]


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*",
        "https://*.example.com",
        "app.example.com",
        "https://app.example.com/",
        "null",
        "",
    ],
)
def test_a_frontend_that_is_not_an_origin_is_e005(found, origin):
    assert found(FRONTEND_ORIGINS=["https://good.example", origin]) == ["accounts.E005"]


def test_a_public_frontend_without_https_is_e006(found):
    assert found(FRONTEND_ORIGINS=["http://app.example.com"]) == ["accounts.E006"]


def test_allowing_every_host_is_e007(found):
    assert found(ALLOWED_HOSTS=["auth.example.com", "*"]) == ["accounts.E007"]


@pytest.mark.parametrize("key", ["short", "x" * 44, "é" * 32, ""])
def test_a_key_that_is_not_a_fernet_key_is_e008(found, key):
    assert found(DATA_ENCRYPTION_KEYS=[key]) == ["accounts.E008"]


def test_no_encryption_key_is_e009(found):
    assert found(DATA_ENCRYPTION_KEYS=[]) == ["accounts.E009"]


@pytest.mark.parametrize("key", ["", "s" * 31])
def test_a_short_session_key_is_e010(found, key):
    assert found(SESSION_ID_KEY=key) == ["accounts.E010"]


def test_one_key_for_two_purposes_is_e011(found):
    assert found(SESSION_ID_KEY="k" * 50) == ["accounts.E011"]


def test_the_embedded_redis_is_w001(found):
    assert found(REDIS_IS_EMBEDDED=True) == ["accounts.W001"]


def test_sqlite_is_w002(found, settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", SQLITE)

    assert found() == ["accounts.W002"]


def test_no_trusted_proxy_is_w003(found):
    assert found(TRUSTED_PROXY_COUNT=0) == ["accounts.W003"]


@pytest.mark.parametrize("backend", ["console", "filebased"])
def test_mail_that_is_not_sent_is_w004(found, backend):
    assert found(EMAIL_BACKEND=f"django.core.mail.backends.{backend}.EmailBackend") == [
        "accounts.W004"
    ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://localhost", True),
        ("http://LOCALHOST:8000", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:8000", True),
        ("http://app.localhost", True),
        ("http://localhost.evil.example", False),
        ("http://evil-localhost", False),
        ("http://127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_is_loopback_refuses_lookalikes(address, expected):
    assert addresses.is_loopback(address) is expected


def test_a_redis_url_beside_sentinels_is_e012(found):
    assert found(REDIS_URL="redis://one", REDIS_SENTINELS=["two:26379"]) == ["accounts.E012"]


def test_sentinels_alone_have_no_findings(found):
    assert found(REDIS_URL="", REDIS_SENTINELS=["two:26379"]) == []


@pytest.mark.parametrize("name", ["google", "naver"])
def test_incomplete_provider_settings_are_reported(found, name):
    def ids(*values):
        return found(PROVIDER_CLIENTS=SAFE["PROVIDER_CLIENTS"] | {name: Client(*values)})

    assert ids("id", "secret") == ids("id", "secret", ["ios"]) == []
    assert ids("id") == ids("id", "", ["ios"]) == ["accounts.E020"]
    assert ids("", "secret") == ids("", "", ["ios"]) == ["accounts.E021"]


@pytest.mark.parametrize(
    ("client", "app_id", "ids"),
    [
        (Client("id"), "", []),
        (Client("id", "secret"), "", []),
        (Client("id", "", ["key"], 42), "42", []),
        (Client("", "secret"), "", ["accounts.E021"]),
        (Client("", "", [], 42), "42", ["accounts.E021"]),
        (Client("id"), "the app", ["accounts.E022"]),
        (Client("id", "", ["key"]), "", ["accounts.W020"]),
        (Client("id", app_id=42, admin_key="key"), "42", []),
        (Client("id", admin_key="key"), "", ["accounts.W021"]),
        (Client("", admin_key="key"), "42", ["accounts.E021"]),
    ],
)
def test_incomplete_kakao_settings_are_reported(found, client, app_id, ids):
    clients = SAFE["PROVIDER_CLIENTS"] | {"kakao": client}

    assert found(PROVIDER_CLIENTS=clients, KAKAO_APP_ID=app_id) == ids


@pytest.mark.parametrize(
    ("address", "ids"),
    [
        ("https://api.pwnedpasswords.com", []),
        ("http://127.0.0.1:9000", []),
        ("https://api.pwnedpasswords.com/range/", ["accounts.E023"]),
        ("api.pwnedpasswords.com", ["accounts.E023"]),
        ("http://api.pwnedpasswords.com", ["accounts.E024"]),
    ],
)
def test_the_service_of_leaked_passwords_is_an_origin_with_https(found, address, ids):
    assert found(PASSWORD_BREACH_API=address) == ids


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "byte 0"),
        (b"password\n123456\n", "byte 0"),
        (b"8846F7EAEE8FB117AD06BDD830B7586C:9\n", "byte 0"),  # an NTLM hash
        (b"F" * 40 + b":1\r\n" + b"0" * 40 + b":1\r\n", "aren't ordered"),
        (None, "can't be read"),
    ],
)
def test_a_file_of_another_format_is_e025_with_its_fault(settings, tmp_path, content, named):
    path = tmp_path / "leaks.txt"
    if content is not None:
        path.write_bytes(content)
    settings.PASSWORD_BREACH_FILE = str(path)

    (message,) = passwords.check_breaches(None)

    assert message.id == "accounts.E025"
    assert named in message.msg


PRIVATE, PUBLIC = key_pair()


@pytest.mark.parametrize(
    ("key", "algorithm", "ids"),
    [
        ("", "none", []),
        ("s" * 32, "HS256", []),
        (PUBLIC, "ES256", []),
        ("s" * 31, "HS256", ["accounts.E041"]),
        ("s" * 32, "none", ["accounts.E041"]),
        ("s" * 32, "ES256", ["accounts.E041"]),
        (PUBLIC, "HS256", ["accounts.E041"]),
        (PUBLIC, "RS256", ["accounts.E041"]),
        (PRIVATE, "ES256", ["accounts.E041"]),
    ],
)
def test_a_key_of_the_former_site_that_does_not_fit_is_e041(found, key, algorithm, ids):
    assert found(LEGACY_TOKEN_KEY=key, LEGACY_TOKEN_ALGORITHM=algorithm) == ids


GOOD_SECRET = signing.PREFIX + "c2VjcmV0IG9mIHRoZSBmb3JtZXIgc3lzdGVtIQ=="


@pytest.mark.parametrize(
    ("url", "secret", "ids"),
    [
        ("", "", []),
        ("https://old.example.com/check", GOOD_SECRET, []),
        ("http://127.0.0.1:8001/check", GOOD_SECRET, []),
        ("http://old.example.com/check", GOOD_SECRET, ["accounts.E042"]),
        ("old.example.com", GOOD_SECRET, ["accounts.E042"]),
        ("https://user:pw@old.example.com/", GOOD_SECRET, ["accounts.E042"]),
        ("https://old.example.com/check", "", ["accounts.E043"]),
        ("https://old.example.com/check", "whsec_c2hvcnQ=", ["accounts.E043"]),
        ("https://old.example.com/check", "secret", ["accounts.E043"]),
    ],
)
def test_the_former_system_needs_https_and_a_secret(found, url, secret, ids):
    assert found(LEGACY_SIGN_IN_URL=url, LEGACY_SIGN_IN_SECRET=secret) == ids
