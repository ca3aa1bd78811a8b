"""Receive reports from providers. The views use no session and no cookie, and verify the sender."""

import hmac
import logging

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from accounts.federation.endings import reports, security_events
from accounts.federation.endings.security_events import RefusedEventError, Sender
from accounts.federation.errors import ProviderError, ProviderUnavailableError
from accounts.federation.limits import REPORT
from accounts.federation.providers import kakao
from accounts.routes import mark

EVENT_TYPE = "application/secevent+jwt"

log = logging.getLogger(__name__)


@mark(is_machine=True, limit=REPORT, counts_refusals=True)
@csrf_exempt
@never_cache
@require_POST
def google_events(request: HttpRequest) -> HttpResponse:
    """Receive a report of Google's Cross-Account Protection."""
    return _event(request, security_events.GOOGLE)


@mark(is_machine=True, limit=REPORT, counts_refusals=True)
@csrf_exempt
@never_cache
@require_POST
def kakao_events(request: HttpRequest) -> HttpResponse:
    """Receive a report of Kakao's account status webhook."""
    return _event(request, security_events.KAKAO)


def _event(request: HttpRequest, sender: Sender) -> HttpResponse:
    """Receive a security event token by push (RFC 8935).

    Answers 202, also if it was received before; 400 with the reason; 503 to have it sent again.
    """
    if request.content_type != EVENT_TYPE:
        return _refused(sender, "invalid_request", f"the content type isn't {EVENT_TYPE}")
    try:
        security_events.receive(request.body.decode("ascii", "replace"), sender)
    except RefusedEventError as exc:
        return _refused(sender, exc.err, str(exc))
    except ProviderUnavailableError as exc:
        log.warning("a security event of %s has to wait: %s", sender.provider, exc)
        raise
    return HttpResponse(status=202)


def _refused(sender: Sender, err: str, description: str) -> HttpResponse:
    log.warning("a security event of %s was refused: %s", sender.provider, description)
    body = {"err": err, "description": description}
    return JsonResponse(body, status=400, headers={"Content-Language": "en"})


@mark(is_machine=True, limit=REPORT, counts_refusals=True, is_limited_by_get=True)
@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def kakao_unlinked(request: HttpRequest) -> HttpResponse:
    """End a connection that its owner ended at Kakao, possibly with the whole Kakao account.

    Kakao sends GET or POST, as set in its console, and no report of connections that we ended. It
    expects 200 within three seconds, also for a person who is unknown here. Answers 401 without our
    app's primary admin key, 403 for another app, and 400 without a valid `user_id`.
    """
    options = settings.SOCIALACCOUNT_PROVIDERS["kakao"]
    if not _has_key(request, options["ADMIN_KEY"]):
        log.warning("an unlink webhook of kakao was refused: another admin key")
        return HttpResponse(status=401, headers={"WWW-Authenticate": "KakaoAK"})
    parameters = request.POST if request.method == "POST" else request.GET
    if not options["APP_ID"] or _one(parameters, "app_id") != str(options["APP_ID"]):
        log.warning("an unlink webhook of kakao was refused: another app")
        raise PermissionDenied
    try:
        uid = kakao.number_of(_one(parameters, "user_id"))
    except ProviderError as exc:
        raise BadRequest(str(exc)) from exc
    reports.unlinked("kakao", uid)
    return HttpResponse()


def _has_key(request: HttpRequest, key: str) -> bool:
    """Return True if the request has our admin key. Without a key in the settings, always False."""
    sent = request.META.get("HTTP_AUTHORIZATION", "").encode("utf-8", "surrogatepass")
    return bool(key) and hmac.compare_digest(sent, f"KakaoAK {key}".encode())


def _one(parameters: QueryDict, name: str) -> str:
    """Return the parameter's value, or '' if it is missing or repeated."""
    values = parameters.getlist(name)
    return values[0] if len(values) == 1 else ""
