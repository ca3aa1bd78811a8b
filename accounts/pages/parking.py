"""Ask for a fresh proof on a page, and keep the form of the act until the proof is given.

Afterwards a page sends the same form again, from the browser. Only the address that leads to that
page names the form, so a proof that was asked for another act never sends it: a thief with the
session's cookie may have parked a form, too.
"""

import json
import secrets
import time

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode

from accounts import encryption
from accounts.errors import DecryptionError
from accounts.pages import expired, proofs
from accounts.people.models import User

ENTRY = "parked_act"
"""Of the session, which is sealed in Redis (`accounts.store.encoding`)."""
SECONDS = 15 * 60
MAX_CHARACTERS = 8000
"""Longer forms aren't kept. A session holds 16 KB."""


def ask(request: HttpRequest, *, then: str = "") -> HttpResponse:
    """Redirect to the page that takes a proof, and from there to `then` or to the same act.

    Raises `PermissionDenied` if the user has no proof to give.
    """
    if not isinstance(request.user, User):
        return redirect_to_login(_page_of(request))
    offered = proofs.ways(request.user)
    if not offered:
        raise PermissionDenied
    if not then:
        then = _park(request) if request.method == "POST" else request.get_full_path()
    return redirect(f"{offered[0]['url']}?{urlencode({REDIRECT_FIELD_NAME: then})}")


def take(request: HttpRequest, key: str) -> tuple[str, QueryDict] | None:
    """Return and remove the path and the form that were parked under this key.

    Returns None if there are none, or if they are too old or can't be decrypted.
    """
    parked = request.session.get(ENTRY)
    # Django's, because `secrets.compare_digest` refuses text that isn't ASCII.
    if not isinstance(parked, dict) or not constant_time_compare(str(parked.get("key")), key):
        return None
    del request.session[ENTRY]
    if time.time() - parked["at"] > SECONDS:
        return None
    try:
        path, form = json.loads(encryption.decrypt(parked["act"]))
    except DecryptionError:  # the key that wrote it was taken away
        return None
    return path, QueryDict(form)


def _park(request: HttpRequest) -> str:
    """Keep path and form, and return where to go after the proof.

    A form with a password is never kept: its page asks for it again.
    """
    path = request.get_full_path()
    form = request.POST.copy()
    form.pop("csrfmiddlewaretoken", None)
    act = json.dumps([path, form.urlencode()])
    if request.FILES or len(act) > MAX_CHARACTERS or any("password" in name for name in form):
        return _page_of(request)
    key = secrets.token_urlsafe(16)
    request.session[ENTRY] = {"key": key, "at": time.time(), "act": encryption.encrypt(act)}
    return reverse("accounts:continue", args=[key])


def _page_of(request: HttpRequest) -> str:
    """Return the page that has the form. A view that takes only POST can't be opened."""
    return expired.page_to_open_again(request) or request.get_full_path()
