"""Check each provider: configured, reachable, and accepting our client id and secret."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.urls import NoReverseMatch, reverse

from accounts.federation.providers.addresses import PROVIDERS, standin_client
from config.addresses import is_loopback
from doctor.configuration import is_public
from doctor.findings import Area, Check, Finding, error, ok, skipped, warning

REACH = "Let this machine reach it: until then, sign-ins by this provider fail."
NO_SUCH_CODE = "manage.py-doctor"
IN_NAVERS_WORDS = {
    "no valid data in session": "invalid_grant",
    "wrong client id / client secret pair": "invalid_client",
}
"""OAuth error codes by Naver's descriptions: Naver answers every error with `invalid_request`."""


def areas(*, seconds: float) -> list[Area]:
    return [_area(name, seconds) for name in PROVIDERS]


def _area(name: str, seconds: float) -> Area:
    first = Check(name, lambda: configured(name))
    if not _app(name):
        return Area((first,))
    checks = [first]
    if name == "google":
        checks.append(Check("google keys", _asking(lambda: google_keys(seconds))))
        checks.append(Check("google reports", google_reports))
    if name == "kakao":
        checks.append(Check("kakao reports", kakao_reports))
        checks.append(Check("kakao unlinking", kakao_unlinking))
    checks.append(Check(f"{name} credentials", _asking(lambda: credentials(name, seconds))))
    return Area(tuple(checks))


def _options(name: str) -> dict[str, Any]:
    found: dict[str, Any] = settings.SOCIALACCOUNT_PROVIDERS.get(name, {})
    return found


def _app(name: str) -> dict[str, str]:
    apps: list[dict[str, str]] = _options(name).get("APPS") or [{}]
    return apps[0]


def redirect_uri(name: str) -> str:
    """Return the redirect URI. Register exactly this text at the provider."""
    return _page(f"{name}_callback")


def _page(name: str) -> str:
    return f"{settings.SITE_URL}{reverse(name)}"


def configured(name: str) -> Finding:
    app, variable = _app(name), name.upper()
    if not app:
        return skipped(f"not offered: {variable}_CLIENT_ID is empty")
    if app["client_id"] == standin_client(name).client_id or is_loopback(token_url(name)):
        if is_public():
            return error(
                "a demo stand-in on a public site: anybody can sign in as any user",
                f"Unset DEMO, and set {variable}_CLIENT_ID and {variable}_CLIENT_SECRET.",
            )
        return ok(f"a stand-in at {_origin(token_url(name))}")
    try:
        uri = redirect_uri(name)
    except NoReverseMatch:
        advice = "Add allauth's app of this provider to INSTALLED_APPS."
        return error("configured, but its pages aren't installed", advice)
    if not app["secret"]:
        advice = f"Set {variable}_CLIENT_SECRET, or switch the client secret off at {name}."
        return warning("no client secret", advice)
    return ok(f"register this redirect URI: {uri}")


def token_url(name: str) -> str:
    return str(_options(name)["ACCESS_TOKEN_URL"])


def google_keys(seconds: float) -> Finding:
    """Check that Google's public keys can be fetched. They verify sign-ins from native apps."""
    url = str(_options("google")["JWKS_URL"])
    answer = requests.get(url, timeout=seconds)
    if answer.status_code != requests.codes.ok:
        return error(f"{url} answers {answer.status_code}", REACH)
    return ok(f"{len(answer.json()['keys'])} keys at {_origin(url)}")


def google_reports() -> Finding:
    """Return the address to register at Google, as a finding.

    The doctor can't check the registration: that needs the service account of the stream.
    """
    return ok(f"register this receiver: {_page('google_security_events')}")


def kakao_reports() -> Finding:
    return ok(f"register this account status webhook: {_page('kakao_security_events')}")


def kakao_unlinking() -> Finding:
    if not _options("kakao").get("ADMIN_KEY"):
        return warning(
            "the site can't report disconnected and deleted accounts to Kakao, and refuses Kakao's "
            "webhook",
            "Set KAKAO_ADMIN_KEY and KAKAO_APP_ID.",
        )
    if not _options("kakao").get("APP_ID"):
        text = "the site refuses Kakao's webhook, because it can't check which app it is for"
        return warning(text, "Set KAKAO_APP_ID.")
    return ok(f"register this unlink webhook: {_page('kakao_unlinked')}")


def credentials(name: str, seconds: float) -> Finding:
    """Check client id and secret by redeeming an invented code.

    A provider that accepts the client refuses the code (`invalid_grant`). A provider that doesn't
    accept the client refuses the client (`invalid_client`).
    """
    app, url = _app(name), token_url(name)
    answer = requests.post(
        url,
        data={
            "grant_type": "authorization_code",
            "code": NO_SUCH_CODE,
            "client_id": app["client_id"],
            "client_secret": app["secret"],
            "redirect_uri": redirect_uri(name),
            "state": NO_SUCH_CODE,
        },
        headers={"Accept": "application/json"},
        timeout=seconds,
    )
    problem, detail = _refusal_in(answer)
    text = f"{_origin(url)} answers {answer.status_code} {problem}".strip()
    match problem:
        case "invalid_grant":
            return ok(f"{_origin(url)} accepts this client")
        case "invalid_client" | "unauthorized_client":
            variable = name.upper()
            return error(
                f"{text}: {detail}", f"Correct {variable}_CLIENT_ID and {variable}_CLIENT_SECRET."
            )
        case "redirect_uri_mismatch":
            return error(text, f"Register {redirect_uri(name)} at {name}.")
        case _:
            text = f"{text}, which doesn't tell whether it accepts this client"
            return warning(text, f"See {name}'s status page.")


def _refusal_in(answer: requests.Response) -> tuple[str, str]:
    """Return the `error` of RFC 6749 §5.2 and the provider's own words about it; '' for what is missing."""
    try:
        said = answer.json()
    except ValueError:
        said = None
    if not isinstance(said, dict) or not said.get("error"):
        return "", ""
    problem = IN_NAVERS_WORDS.get(str(said.get("error_description")), str(said["error"]))
    words = (str(said[key]) for key in ("error_code", "error_description") if key in said)
    return problem, " ".join(words)


def _origin(url: str) -> str:
    return f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"


def _asking(probe: Callable[[], Finding]) -> Callable[[], Finding]:
    def run() -> Finding:
        try:
            return probe()
        except requests.RequestException as exc:
            return error(f"can't be reached: {exc}", REACH)

    return run
