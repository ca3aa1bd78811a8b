"""Test the settings through requests: headers, CORS, cookies, and no start with unsafe settings."""

import pytest
from django.http import HttpResponseNotModified
from django.test import Client

from config.headers import SecurityHeadersMiddleware
from tests.kit.clients import CHROME
from tests.kit.factories import PASSWORD

FRONTEND = "https://app.example.com"
CSP = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self' https://accounts.google.com https://kauth.kakao.com https://nid.naver.com",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PAGES = ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/nothing"]
MIGRATE = 'from django.core.management import call_command; call_command("migrate", verbosity=0)'
MACHINE = [
    "/livez",
    "/readyz",
    "/api/me/",
    "/api/docs/",
    "/api/schema/",
    "/api/nothing",
    "/_allauth/app/v1/config",
]


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES + MACHINE)
def test_every_answer_carries_the_security_headers(client, path):
    response = client.get(path)

    assert {name: response.get(name) for name in HEADERS} == HEADERS
    is_page = response["Content-Type"].startswith("text/html")
    sandbox = set() if is_page else {"sandbox"}
    assert set(response["Content-Security-Policy"].split("; ")) == CSP | sandbox
    assert "camera=()" in response["Permissions-Policy"]


@pytest.mark.parametrize("path", ["/api/me/", "/api/schema/", "/livez", "/accounts/data/"])
def test_an_answer_that_is_no_page_runs_no_script(signed_in, path):
    response = signed_in.get(path)

    assert not response["Content-Type"].startswith("text/html")
    assert response["Content-Security-Policy"].endswith("; sandbox")


def test_an_answer_without_a_type_has_no_sandbox(rf):
    """A 304 about a page changes the policy of the page that the browser keeps."""
    middleware = SecurityHeadersMiddleware(lambda request: HttpResponseNotModified())

    assert "sandbox" not in middleware(rf.get("/"))["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/accounts/", "/api/docs/", "/nothing"])
def test_a_page_has_no_sandbox(signed_in, path):
    assert "sandbox" not in signed_in.get(path)["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/accounts/", "/accounts/sessions/", "/admin/"])
def test_account_pages_carry_the_headers_and_are_not_cached(signed_in, path):
    response = signed_in.get(path, follow=True)

    assert set(response["Content-Security-Policy"].split("; ")) == CSP
    assert {name: response.get(name) for name in HEADERS} == HEADERS
    assert "Cookie" in response["Vary"]


@pytest.mark.django_db
def test_no_answer_names_the_software(client):
    response = client.get("/accounts/login/")

    assert not {"Server", "X-Powered-By", "Via"} & set(response.headers)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/api/me/",
        "/api/token/",
        "/_allauth/app/v1/auth/login",
        "/_allauth/browser/v1/auth/session",
        "/.well-known/x",
    ],
)
def test_a_preflight_of_the_frontend_is_answered_exactly(client, path):
    response = client.options(
        path,
        headers={
            "origin": FRONTEND,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization, content-type",
        },
    )

    assert response.status_code == 200
    cors = {
        name.title(): value
        for name, value in response.items()
        if name.lower().startswith("access-control")
    }
    assert cors == {
        "Access-Control-Allow-Origin": FRONTEND,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "DELETE, GET, OPTIONS, PATCH, POST, PUT",
        "Access-Control-Allow-Headers": "accept, accept-language, authorization, baggage, "
        "content-type, idempotency-key, sentry-trace, traceparent, tracestate, x-csrftoken, "
        "x-email-verification-key, x-invitation, x-password-reset-key, x-request-id, "
        "x-requested-with, x-session-token, x-token-delivery",
        "Access-Control-Max-Age": "7200",
        "Access-Control-Expose-Headers": "RateLimit, RateLimit-Policy, "
        "Retry-After, WWW-Authenticate, X-Request-ID",
    }
    assert "origin" in response["Vary"].lower()


def test_a_setting_allows_more_headers_to_the_frontend(site_under):
    answers = site_under(
        """
headers = {"origin": "https://app.example.com", "access-control-request-method": "GET"}
preflight = Client().options("/api/me/", headers=headers)
answers = preflight["Access-Control-Allow-Headers"].split(", ")
""",
        FRONTEND_ORIGINS="https://app.example.com",
        CORS_ALLOW_HEADERS="x-datadog-trace-id,x-datadog-parent-id",
    )

    assert {"x-datadog-trace-id", "x-datadog-parent-id", "authorization"} <= set(answers)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/me/", "/api/nothing", "/_allauth/app/v1/config"])
def test_the_frontend_may_read_answers_and_errors(client, path):
    response = client.get(path, headers={"origin": FRONTEND})

    assert response["Access-Control-Allow-Origin"] == FRONTEND
    assert response["Access-Control-Allow-Credentials"] == "true"
    assert "origin" in response["Vary"].lower()


@pytest.mark.django_db
def test_the_frontend_may_read_refusals_by_middleware(client):
    response = client.post(
        "/api/token/", "x" * 100_000, content_type="application/json", headers={"origin": FRONTEND}
    )

    assert response.status_code == 413
    assert response["Access-Control-Allow-Origin"] == FRONTEND


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "options", "post"])
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com.evil.example",
        "https://evilapp.example.com",
        "https://sub.app.example.com",
        "https://app.example.com:8443",
        "https://APP.example.com",
        "https://app.example.com@evil.example",
        "https://app.example.com evil",
        "https://example.com",
        "null",
        "*",
        "",
        "file://",
        "http://localhost:8000",
        "http://testserver.evil.example",
        "https://[::1",
    ],
    ids=repr,
)
def test_another_origin_may_read_nothing(client, method, origin):
    response = getattr(client, method)(
        "/api/me/", headers={"origin": origin, "access-control-request-method": "GET"}
    )

    assert not [name for name in response.headers if name.lower().startswith("access-control")]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/admin/", "/livez", "/", "/apix/", "/accounts/../api/"]
)
def test_no_other_origin_may_read_pages(client, path):
    response = client.get(path, headers={"origin": FRONTEND})

    assert response.get("Access-Control-Allow-Origin") is None


def cookies_of(browser, user, signing_in=True):
    """Visit all pages; return the attributes of every Set-Cookie by the cookie's name."""
    seen = {}

    def note(response):
        for name, morsel in response.cookies.items():
            if morsel.value:
                seen.setdefault(name, []).append(dict(morsel) | {"line": morsel.OutputString()})

    for path in [*PAGES, *MACHINE]:
        note(browser.get(path))
    note(browser.post("/i18n/setlang/", {"language": "ko"}))
    note(browser.post("/accounts/login/", {"login": user.email, "password": "wrong"}))
    note(
        browser.post(
            "/accounts/login/", {"login": user.email, "password": PASSWORD, "remember": "on"}
        )
    )
    for path in [
        "/accounts/",
        "/accounts/sessions/",
        "/accounts/profile/",
        "/accounts/email/",
        "/admin/",
    ]:
        note(browser.get(path))
    note(browser.post("/accounts/profile/", {"display_name": "x", "locale": "ko"}))
    note(browser.post("/accounts/logout/"))
    return seen


def test_only_these_cookies_are_set_and_with_these_flags(user):
    browser = Client(enforce_csrf_checks=False, headers={"user-agent": CHROME})

    seen = cookies_of(browser, user)

    assert set(seen) == {"session", "csrf", "language", "device", "stay", "passkey-offer"}
    for name, attributes in ((name, each) for name, all_ in seen.items() for each in all_):
        assert attributes["samesite"] == "Lax", name
        assert attributes["path"] == "/", name
        assert attributes["domain"] == "", name
        assert attributes["httponly"] is True or name == "csrf", name
        assert not attributes["secure"], name


def test_every_cookie_is_far_below_4096_bytes(user):
    """Browsers drop a larger one (RFC 6265bis §5.6)."""
    seen = cookies_of(Client(headers={"user-agent": CHROME}), user)

    assert max(len(each["line"]) for all_ in seen.values() for each in all_) < 1024


def test_an_https_site_sets_host_cookies_and_hsts_and_redirects_http(site_under):
    answers = site_under(
        f"{MIGRATE}"
        """
by_name = {"host": "auth.example.com"}
secure = Client(headers=by_name)
page = secure.get("/accounts/login/", secure=True)
language = secure.post("/i18n/setlang/", {"language": "ko"}, secure=True)
plain = Client(headers=by_name).get("/accounts/login/?next=/x")
answers = {
    "cookies": {n: [m["secure"], m["path"], m["domain"], m["samesite"]] for r in (page, language) for n, m in r.cookies.items()},
    "session": [settings.SESSION_COOKIE_NAME, settings.SESSION_COOKIE_SECURE, settings.SESSION_COOKIE_HTTPONLY, settings.SESSION_COOKIE_DOMAIN, settings.SESSION_COOKIE_PATH],
    "hsts": page.get("Strict-Transport-Security"),
    "plain": [plain.status_code, plain.get("Location")],
    "livez": Client().get("/livez").status_code,
    "plain cookies": list(plain.cookies),
}
""",
        SITE_URL="https://auth.example.com",
        ALLOWED_HOSTS="auth.example.com",
    )

    assert answers == {
        "cookies": {
            "__Host-csrf": [True, "/", "", "Lax"],
            "__Host-language": [True, "/", "", "Lax"],
        },
        "session": ["__Host-session", True, True, None, "/"],
        "hsts": "max-age=31536000; includeSubDomains; preload",
        "plain": [301, "https://auth.example.com/accounts/login/?next=/x"],
        "livez": 200,
        "plain cookies": [],
    }


def test_forms_work_if_the_sites_address_names_the_default_port(site_under):
    """Browsers leave the port out of `Origin`. A proxy may pass it on in `Host`."""
    answers = site_under(
        f"{MIGRATE}"
        """
answers["statuses"] = {}
for origin in ("https://auth.example.com", "https://auth.example.com:8443", "https://evil.example"):
    browser = Client(enforce_csrf_checks=True, headers={"host": "auth.example.com:443"})
    token = browser.get("/accounts/login/", secure=True).cookies["__Host-csrf"].value
    form = {"login": "mia@example.com", "password": "wrong", "csrfmiddlewaretoken": token}
    sent = browser.post("/accounts/login/", form, secure=True, headers={"origin": origin})
    answers["statuses"][origin] = sent.status_code
""",
        SITE_URL="https://auth.example.com:443",
        ALLOWED_HOSTS="auth.example.com",
    )

    assert answers["statuses"] == {
        "https://auth.example.com": 200,
        "https://auth.example.com:8443": 403,
        "https://evil.example": 403,
    }


@pytest.mark.parametrize(
    ("scheme", "has_stand_ins"), [("http", True), ("https", False)], ids=["http", "https"]
)
def test_a_policy_on_https_names_no_origin_on_plain_http(site_under, scheme, has_stand_ins):
    answers = site_under(
        "answers['policy'] = Client().get('/nothing', secure=True)['Content-Security-Policy']",
        SITE_URL=f"{scheme}://localhost:8000",
        DEMO="1",
        GOOGLE_CLIENT_ID="",
        TRUSTED_PROXY_COUNT="1",
    )

    assert ("http://" in answers["policy"]) is has_stand_ins


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "[::1]:8000"])
def test_another_name_of_this_machine_leads_to_the_site(client, settings, host):
    settings.SITE_URL = "http://localhost:8000"

    response = client.get("/accounts/login/?next=/x", headers={"host": host})

    assert response.status_code == 302
    assert response["Location"] == "http://localhost:8000/accounts/login/?next=/x"


@pytest.mark.parametrize(
    ("site", "host", "method"),
    [
        ("http://localhost:8000", "127.0.0.1:9000", "get"),
        ("http://localhost:8000", "127.0.0.1:8000", "post"),
        ("http://localhost:8000", "127.0.0.1:port", "get"),
        ("http://localhost:8000", "evil.example:8000", "get"),
        ("https://auth.example.com", "127.0.0.1", "get"),
    ],
)
def test_no_other_host_is_led_anywhere(client, settings, site, host, method):
    settings.SITE_URL = site

    response = getattr(client, method)("/accounts/login/", headers={"host": host})

    assert response.status_code == 400


@pytest.mark.parametrize("language", ["ko_KR", "ko-KR", "ko_KR,en_US;q=0.8", "KO_kr"])
def test_a_language_with_an_underscore_is_understood(client, db, language):
    headers = {"accept-language": language}

    assert client.get("/accounts/login/", headers=headers)["Content-Language"] == "ko"
    assert client.get("/api/me/", headers=headers)["Content-Language"] == "ko"
    assert client.generic("BREW", "/", headers=headers)["Content-Language"] == "ko"


@pytest.mark.parametrize("name", ["SECRET_KEY", "SESSION_ID_KEY", "DATA_ENCRYPTION_KEYS"])
def test_a_missing_secret_stops_the_boot_and_is_named(boot, name):
    done = boot(without=[name])

    assert done.returncode != 0
    assert name in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("PORT", "80x", "PORT must be a number. See .env.example."),
        ("PORT", "70000", "PORT must be a port, a number up to 65535. See .env.example."),
        ("SESSION_STORE_DEADLINE_SECONDS", "six", None),
    ],
)
def test_a_wrong_number_is_one_line_with_its_variable(boot, name, value, line):
    command = "import runpy, sys; sys.argv = ['manage.py', 'check']; "

    done = boot(f"{command}runpy.run_path('manage.py', run_name='__main__')", **{name: value})

    assert done.returncode != 0
    assert name in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert line is None or done.stderr.strip() == line


@pytest.mark.parametrize(
    "env",
    [
        {"SITE_URL": "https://auth.example.com", "DEMO": "1"},
        {"DATA_ENCRYPTION_KEYS": "not-a-key"},
        *(
            pytest.param(env, marks=pytest.mark.sweep)
            for env in (
                {"SITE_URL": "http://auth.example.com"},
                {"FRONTEND_ORIGINS": "https://*.example.com"},
                {"ALLOWED_HOSTS": "*"},
                {"SESSION_ID_KEY": "short"},
                {"REDIS_SENTINELS": "127.0.0.1:26379"},  # while REDIS_URL is set, too
            )
        ),
    ],
    ids=str,
)
def test_an_unsafe_deployment_does_not_serve(boot, env):
    done = boot("import config.wsgi", **env)

    assert done.returncode != 0
    assert "accounts.E0" in done.stderr


def test_a_process_that_serves_has_read_the_rules_about_user_agents(boot):
    done = boot(
        "import config.wsgi, ua_parser; print('parser' in vars(ua_parser))",
        SITE_URL="https://auth.example.com",
        ALLOWED_HOSTS="auth.example.com",
        TRUSTED_PROXY_COUNT="1",
    )

    assert done.stdout.splitlines()[-1:] == ["True"], done.stderr


def test_a_safe_deployment_passes_every_deployment_check(boot):
    done = boot(
        "from django.core.management import execute_from_command_line as run;"
        "run(['manage.py', 'check', '--deploy', '--fail-level=WARNING'])",
        SITE_URL="https://auth.example.com",
        ALLOWED_HOSTS="auth.example.com",
        TRUSTED_PROXY_COUNT="1",
        DATABASE_URL="postgres://user:password@127.0.0.1:9/name",
        EMAIL_URL="smtp+tls://user:password@mail.example.com:587",
        SECRET_KEY="an-unguessable-key-of-many-different-characters-0123456789",
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "sent",
    [
        {"x-forwarded-proto": "https"},
        {"x-forwarded-for": "198.51.100.1"},
        {"x-forwarded-host": "testserver"},
    ],
)
def test_forwarded_headers_are_ignored_without_a_proxy(client, db, sent):
    response = client.get("/accounts/login/", headers=sent)

    assert not response.wsgi_request.is_secure()
    assert response.wsgi_request.get_host() == "testserver"


def test_behind_one_proxy_the_last_address_is_the_clients(site_under):
    answers = site_under(
        """
from django.test import RequestFactory
from accounts.request import client_of
def ip(**headers):
    return client_of(RequestFactory().get("/", headers=headers)).ip
answers = [
    ip(**{"x-forwarded-for": "198.51.100.1"}),
    ip(**{"x-forwarded-for": "203.0.113.9, 198.51.100.1"}),
    ip(**{"x-forwarded-for": "spoofed, 198.51.100.1"}),
    ip(**{"x-forwarded-for": "not an address"}),
    ip(),
]
""",
        TRUSTED_PROXY_COUNT="1",
    )

    assert answers[:3] == ["198.51.100.1"] * 3
    assert answers[3:] == ["127.0.0.1", "127.0.0.1"]  # the proxy's own


def test_a_bad_x_forwarded_for_is_no_server_error(site_under):
    """A client that bypasses the proxy sends no header, or garbage in it."""
    answers = site_under(
        f"{MIGRATE}"
        """
client = Client(raise_request_exception=False)
answers = []
for headers in ({}, {"x-forwarded-for": "garbage"}):
    answers += [
        client.post("/api/token/", {"email": "a@example.com", "password": "x"}, content_type="application/json", headers=headers).status_code,
        client.post("/accounts/login/", {"login": "a@example.com", "password": "x"}, headers=headers).status_code,
    ]
""",
        TRUSTED_PROXY_COUNT="1",
    )

    assert len(answers) == 4
    assert all(status < 500 for status in answers), answers


REDIS = """
from django.conf import settings
names = ["REDIS_IS_EMBEDDED", "REDIS_REPLICA_ACKS", "REDIS_REPLICA_ACK_MS", "REVOCATION_CHANNEL"]
answers = [getattr(settings, name) for name in names]
answers += [settings.CACHES[alias]["LOCATION"] for alias in ("sessions", "default")]
answers.append(settings.CACHES["sessions"]["OPTIONS"]["CONNECTION_POOL_KWARGS"]["socket_timeout"])
"""


def test_with_sentinels_a_replica_must_acknowledge(site_under):
    answers = site_under(
        REDIS, REDIS_URL="", REDIS_SENTINELS="a:1,b:2,c:3", REDIS_REPLICA_ACK_MS="900"
    )

    assert answers == [
        False,
        1,
        900,
        "munjigi:revocations:1",
        "redis://munjigi/0",
        "redis://munjigi/1",
        1.4,  # longer than the wait for a replica
    ]


def test_without_sentinels_no_replica_must_acknowledge(site_under):
    answers = site_under(REDIS, REDIS_URL="redis://one/4")

    assert answers == [
        False,
        0,
        400,
        "munjigi:revocations:5",
        "redis://one/4",
        "redis://one/5",
        1.0,
    ]
