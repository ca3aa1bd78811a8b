"""Kakao's unlink webhook: somebody ended the connection at Kakao, or their Kakao account.

Kakao sends GET or POST, as its console is told, proves itself by the app's primary admin key, wants
200 within three seconds, also about somebody unknown here, and doesn't tell what we ended ourselves.
"""

import hmac
import logging

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.social import reports
from accounts.social.exceptions import ProviderError
from accounts.social.kakao import account

log = logging.getLogger(__name__)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def unlinked(request: HttpRequest) -> HttpResponse:
    """200; 401 without the admin key, 403 for another app, 400 for parameters that are none."""
    options = settings.SOCIALACCOUNT_PROVIDERS["kakao"]
    if not _has_key(request, options["ADMIN_KEY"]):
        log.warning("an unlink webhook of kakao was refused: another admin key")
        return HttpResponse(status=401, headers={"WWW-Authenticate": "KakaoAK"})
    parameters = request.POST if request.method == "POST" else request.GET
    if not options["APP_ID"] or _one(parameters, "app_id") != str(options["APP_ID"]):
        log.warning("an unlink webhook of kakao was refused: another app")
        raise PermissionDenied
    try:
        uid = account.number(_one(parameters, "user_id"))
    except ProviderError as exc:
        raise BadRequest(str(exc)) from exc
    reports.unlinked("kakao", uid)
    return HttpResponse()


def _has_key(request: HttpRequest, key: str) -> bool:
    """Without a key in the settings nobody has it."""
    sent = request.META.get("HTTP_AUTHORIZATION", "").encode("utf-8", "surrogatepass")
    return bool(key) and hmac.compare_digest(sent, f"KakaoAK {key}".encode())


def _one(parameters: QueryDict, name: str) -> str:
    """Named twice, a parameter says nothing."""
    values = parameters.getlist(name)
    return values[0] if len(values) == 1 else ""
