"""Compare the scenes with the URL conf: which pages have no picture."""

import importlib
from collections.abc import Iterator
from pathlib import Path

from django.urls import URLPattern, URLResolver, get_resolver

from tests.gallery import scenes
from tests.gallery.scene import SCENES, STOCK, Scene

for _path in sorted(Path(scenes.__file__).parent.glob("[a-z]*.py")):
    importlib.import_module(f"{scenes.__name__}.{_path.stem}")

NO_PAGE = {
    "": "redirects: Django's object links in the admin, /.well-known/change-password; JSON: passkey-endpoints",
    "root": "redirects to the overview",
    "brand": "a style sheet",
    "set_language": "POST only: keeps the language, redirects back",
    "accounts:session-revoke": "POST only: redirects to the list",
    "accounts:trusted-browser-end": "POST only: redirects to the list",
    "accounts:data": "a file",
    "accounts:denial-link": "redirects to the page without the token",
    "accounts:invitation": "redirects to the form of the sign-up",
    "accounts:own-denial": "POST only: redirects to the page of the password",
    "receive-webhook": "POST only: the worker calls it",
    "passkey_options": "JSON",
    "passkey_later": "POST only: redirects to the overview",
    "accounts:continue": "sends the waiting form at once",
    "admin:accounts_user_delete": "403: an account is deleted after some days",
    "factor_reset_stop_own": "POST only: redirects to the second step",
    "google_security_events": "Google's server calls it",
    "kakao_security_events": "Kakao's server calls it",
    "kakao_unlinked": "Kakao's server calls it",
    "admin:login": "redirects to the site's sign-in page",
    "admin:logout": "POST only: redirects to the site's sign-in page",
    "admin:password_change": "redirects to the site's own page",
    "admin:password_change_done": "Django's page after a page that redirects",
    "admin:autocomplete": "JSON",
    "admin:jsi18n": "a script",
    "admin:view_on_site": "redirects, and nothing has an address on the site",
}
REFUSED = {
    f"admin:accounts_{model}_{view}": "403 for everybody: these rows record what happened"
    for model in ("authsession", "auditevent", "factorreset", "report", "webhookdelivery")
    for view in ("add", "delete")
} | {
    f"admin:accounts_{model}_delete": "403 for everybody: an operator revokes them instead"
    for model in ("invitation", "apikey")
}
WITHOUT_PICTURE = NO_PAGE | REFUSED


def all_scenes() -> list[Scene]:
    return SCENES


def is_first(scene: Scene) -> bool:
    """Say whether this is the first scene of a page of ours, which gets all pictures."""
    if scene.maker == STOCK:
        return False
    return not scene.route or scene == next(each for each in SCENES if each.route == scene.route)


def pages(urlconf: str) -> set[str]:
    """Return the names of all addresses but those for programs. '' for those without a name."""
    return set(_named(get_resolver(urlconf), ""))


def _named(resolver: URLResolver, namespace: str) -> Iterator[str]:
    for route in resolver.url_patterns:
        if getattr(route, "is_machine", False):
            continue
        if isinstance(route, URLPattern):
            yield f"{namespace}{route.name}" if route.name else ""
        else:
            inner = f"{namespace}{route.namespace}:" if route.namespace else namespace
            yield from _named(route, inner)
