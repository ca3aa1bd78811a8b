"""Show new recovery codes on a page of their own, which the visitor may reload for some minutes.

The account has only the hashes. The plain codes wait, encrypted, in the session of the sign-in that
made them: no other browser and no later sign-in sees them.
"""

import json
import time

from allauth.mfa.models import Authenticator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import encryption
from accounts.audit.vocabulary import FactorKind
from accounts.errors import DecryptionError
from accounts.request import sign_in_of
from accounts.store.engine import SID

ENTRY = "shown_codes"
"""Of the session."""
SECONDS = 10 * 60
SEE_OTHER = 303


def show(request: HttpRequest, plain: list[str], *, next_url: str = "") -> HttpResponse:
    """Keep the codes, and redirect to their page. Its button leads on to `next_url`."""
    request.session[ENTRY] = {
        "sid": request.session[SID],
        "row": _row(request),
        "at": time.time(),
        "codes": encryption.encrypt(json.dumps(plain)),
        "next": next_url,
    }
    response = redirect("mfa_new_recovery_codes")
    response.status_code = SEE_OTHER
    return response


def show_after_sign_in(
    request: HttpRequest, response: HttpResponse, plain: list[str]
) -> HttpResponse:
    """Show codes that a sign-in made before its end. Returns `response` if it has not ended."""
    if sign_in_of(request).opened is None or not plain:
        return response
    shown = show(request, plain, next_url=response.headers.get("Location", ""))
    shown.cookies.update(response.cookies)
    return shown


def kept(request: HttpRequest) -> list[str]:
    """Return the codes, or an empty list.

    Drops them if they are too old, were replaced or removed meanwhile, or can't be decrypted.
    """
    forget_old(request)
    entry = request.session.get(ENTRY)
    if entry is None:
        return []
    if entry["sid"] == request.session.get(SID) and entry["row"] == _row(request):
        try:
            return list(json.loads(encryption.decrypt(entry["codes"])))
        except DecryptionError:
            pass  # the key that wrote them was taken away
    drop(request)
    return []


def drop(request: HttpRequest) -> str:
    """Forget the codes. Returns where their page leads, or ''."""
    return str(request.session.pop(ENTRY, {}).get("next", ""))


def forget_old(request: HttpRequest) -> None:
    """Drop codes that are too old to be shown."""
    entry = request.session.get(ENTRY)
    if entry is not None and not 0 <= time.time() - entry["at"] <= SECONDS:
        drop(request)


def _row(request: HttpRequest) -> int | None:
    rows = Authenticator.objects.filter(user_id=request.user.pk, type=FactorKind.RECOVERY_CODES)
    pk: int | None = rows.values_list("pk", flat=True).first()
    return pk
