"""Check the public site from outside, through its proxies."""

import http.client
import json
import re
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.urls import reverse

from doctor import http as ask_http
from doctor import site_cookies
from doctor.findings import Area, Check, Finding, error, fault, ok, skipped, warning

DAYS_LEFT, DAYS_LEFT_AT_LEAST = 21, 7
"""Days left of the certificate: fewer is a warning, an error. ACME clients renew at 30 days."""
REDIRECTS = {301, 302, 307, 308}
BUFFERED_SECONDS = 0.5
"""The two events of the probe are a second apart. A proxy that holds answers back delivers them together."""
METADATA = "/.well-known/oauth-authorization-server"
EVENTS_ADVICE = (
    "Start `manage.py events`, and route this path to it. Without it, pages poll every 30 s."
)
STYLESHEET = re.compile(r'<link[^<>]{1,300}?href="([^"<>]{1,300}\.css)"')


class Site:
    """The origin to check, and its login page, which several checks read."""

    def __init__(self, url: str, http_url: str, seconds: float) -> None:
        self.url, self.http_url, self.seconds = url.rstrip("/"), http_url.rstrip("/"), seconds
        self.is_https = urlsplit(url).scheme == "https"

    def get(self, path: str, **headers: str) -> ask_http.Answer:
        return ask_http.ask(self.url, path, seconds=self.seconds, **headers)

    @cached_property
    def login(self) -> ask_http.Answer:
        return self.get(reverse("account_login"))

    @property
    def plain(self) -> str:
        """Return the address where the same site answers without TLS; '' if it is unknown."""
        parts = urlsplit(self.url)
        if self.http_url or parts.port not in {None, 443}:
            return self.http_url
        return f"http://{parts.netloc.removesuffix(':443')}"


def area(*, url: str, http_url: str, seconds: float) -> Area:
    if not url:
        text = "SITE_URL is this machine: give the site's address with --url"
        return Area((Check("site", lambda: skipped(text)),))
    site = Site(url, http_url, seconds)
    probes: dict[str, Callable[[Site], Finding]] = {
        "site": reachable,
        "site issuer": issuer,
        "site certificate": certificate,
        "site redirect": redirect,
        "site hsts": hsts,
        "site request id": request_id,
        "site cookies": cookies,
        "site stylesheet": stylesheet,
        "site events": events,
    }

    def about(probe: Callable[[Site], Finding]) -> Callable[[], Finding]:
        return lambda: _explained(probe, site)

    return Area(tuple(Check(name, about(probe)) for name, probe in probes.items()), gated=True)


def _explained(probe: Callable[[Site], Finding], site: Site) -> Finding:
    try:
        return probe(site)
    except ssl.SSLCertVerificationError as exc:
        advice = "Renew the certificate, with its whole chain, for this name."
        return error(f"{site.url}: certificate refused: {exc.verify_message}", advice)
    except (OSError, http.client.HTTPException) as exc:
        advice = (
            "Start it, and check DNS and firewall. From inside the network, give an address that "
            "this machine can reach with --url."
        )
        return error(f"{site.url} can't be reached: {exc}", advice)


def reachable(site: Site) -> Finding:
    began = time.monotonic()
    answer = site.get("/livez")
    took = (time.monotonic() - began) * 1000
    if answer.status != http.client.OK or answer.text != '{"status": "ok"}':
        return error(
            f"{site.url}/livez answers {answer.status}, but not with this site's answer",
            "Check that DNS and proxy lead to this site.",
        )
    return ok(f"{site.url} answers in {took:.0f} ms")


def issuer(site: Site) -> Finding:
    answer = site.get(METADATA)
    try:
        said = json.loads(answer.body)["issuer"]
    except (ValueError, KeyError, TypeError):
        advice = "Check that the proxy passes this path on to the site."
        return error(f"{METADATA} answers {answer.status}", advice)
    if said != settings.SITE_URL:
        return error(
            f"the site's SITE_URL is {said}, but here it is {settings.SITE_URL}",
            "Give every process the same SITE_URL, or check another site with --url.",
        )
    return ok(said)


def certificate(site: Site) -> Finding:
    if not site.is_https:
        return skipped("plain http")
    answer = site.get("/livez")
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(answer.certificate["notAfter"]), UTC)
    days = (ends - datetime.now(UTC)).days
    text = f"{days} days left, {answer.tls}"
    if days < DAYS_LEFT:
        advice = "Renew it, and reload nginx."
        return fault(text, advice, is_grave=days < DAYS_LEFT_AT_LEAST)
    return ok(text)


def redirect(site: Site) -> Finding:
    """Check that plain http redirects to https, also for a request with a forged header.

    The header claims https; the proxy must not believe it.
    """
    if not site.is_https:
        return skipped("plain http")
    if not site.plain:
        return skipped("not on port 443: give its plain http address with --http-url")
    path = reverse("account_login")
    try:
        honest = ask_http.ask(site.plain, path, seconds=site.seconds)
        forged = ask_http.ask(site.plain, path, seconds=site.seconds, X_Forwarded_Proto="https")
    except ConnectionRefusedError:
        advice = "Let the proxy redirect: visitors type the address without https://."
        return warning(f"nothing listens at {site.plain}", advice)
    for answer, how in ((honest, ""), (forged, " to a request with X-Forwarded-Proto: https")):
        target = answer.headers.get("Location", "")
        if answer.status not in REDIRECTS or not target.startswith("https://"):
            advice = "Redirect in the proxy, and let it set X-Forwarded-Proto itself."
            text = f"{site.plain} answers {answer.status}{how}: passwords travel unencrypted"
            return error(text, advice)
    return ok(f"{site.plain} redirects to https")


def hsts(site: Site) -> Finding:
    if not site.is_https:
        return skipped("plain http")
    header = site.login.headers.get("Strict-Transport-Security", "")
    found = re.search(r"max-age=\"?(\d+)", header)
    if not found:
        advice = "Set TRUSTED_PROXY_COUNT, and let the proxy pass the header on."
        return error("no Strict-Transport-Security on the login page", advice)
    if int(found[1]) < settings.SECURE_HSTS_SECONDS:
        return warning(header, "A proxy shortens it: let the proxy pass the site's header on.")
    return ok(header)


def request_id(site: Site) -> Finding:
    asked = str(uuid4())
    answer = site.get("/livez", X_Request_ID=asked)
    said = answer.headers.get_all("X-Request-ID") or []
    if not said:
        return error("no X-Request-ID", "Let the proxy pass it on: operators search logs by it.")
    if said != [asked]:
        advice = "Let the proxy pass on the X-Request-ID of the caller."
        return warning("the answer has another X-Request-ID than the request", advice)
    return ok("the answer has the request's X-Request-ID")


def cookies(site: Site) -> Finding:
    if site.login.status != http.client.OK:
        return error(f"the login page answers {site.login.status}", "Read the site's log.")
    headers = site.login.headers.get_all("Set-Cookie") or []
    if not headers:
        text = "the login page sets no cookie, so nobody can send its form"
        return error(text, "Don't let the proxy cache pages.")
    faults = [fault_ for header in headers for fault_ in site_cookies.faults(header, site.is_https)]
    if faults:
        return error("; ".join(faults), "Let the proxy pass Set-Cookie on as it is.")
    return ok(", ".join(site_cookies.name(header) for header in headers))


def stylesheet(site: Site) -> Finding:
    found = STYLESHEET.search(site.login.text)
    if not found:
        advice = "Check that the login page comes from this site."
        return error("the login page has no stylesheet", advice)
    answer = site.get(found[1])
    kind = answer.headers.get("Content-Type", "")
    if answer.status != http.client.OK or not kind.startswith("text/css"):
        return error(
            f"{found[1]} answers {answer.status} {kind}".rstrip(),
            "Give the proxy the static files of this release.",
        )
    return ok(found[1])


def events(site: Site) -> Finding:
    """Check that the streams of open pages arrive, each event at once."""
    has_own_origin = settings.EVENTS_ORIGIN != settings.SITE_URL
    origin = settings.EVENTS_ORIGIN if has_own_origin else site.url
    try:
        answer = ask_http.listen(origin, "/events?probe", seconds=site.seconds)
    except (OSError, http.client.HTTPException) as exc:
        return warning(f"{origin}/events can't be reached: {exc}", EVENTS_ADVICE)
    kind = answer.headers.get("Content-Type", "")
    if answer.status == http.client.TOO_MANY_REQUESTS:
        return skipped("other programs probe it at the same time")
    if answer.status != http.client.OK or not kind.startswith("text/event-stream"):
        return warning(f"{origin}/events answers {answer.status} {kind}".rstrip(), EVENTS_ADVICE)
    if answer.lasted_seconds < BUFFERED_SECONDS:
        return warning(
            f"{origin}/events: a proxy holds events back, so pages poll",
            "Switch off buffering and compression for this path (nginx: proxy_buffering off).",
        )
    return ok("events arrive at once")
