"""Where Google sends security event tokens, by push (RFC 8935)."""

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.social.exceptions import ProviderUnavailableError
from accounts.social.google import security_events
from accounts.social.google.security_events import RefusedEventError

CONTENT_TYPE = "application/secevent+jwt"

log = logging.getLogger(__name__)


@csrf_exempt
@never_cache
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """202, also for what was received before; 400 that says why; 503: send it again."""
    if request.content_type != CONTENT_TYPE:
        return _refused("invalid_request", f"the content type isn't {CONTENT_TYPE}")
    try:
        security_events.receive(request.body.decode("ascii", "replace"))
    except RefusedEventError as exc:
        return _refused(exc.err, str(exc))
    except ProviderUnavailableError as exc:
        log.warning("a security event of google has to wait: %s", exc)
        response: HttpResponse = import_string(settings.PROVIDER_UNAVAILABLE_VIEW)(request)
        return response
    return HttpResponse(status=202)


def _refused(err: str, description: str) -> HttpResponse:
    log.warning("a security event of google was refused: %s", description)
    body = {"err": err, "description": description}
    return JsonResponse(body, status=400, headers={"Content-Language": "en"})
