"""Receive webhooks under DEMO=1, as another service would, and show them, newest first.

The receiver keeps its secret and the events in files, and knows nothing of the site's tables.
"""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from demo.caught_mail import is_loopback

PAGE_SIZE = 10
KEPT = 100
TOLERANCE_SECONDS = 300


@dataclass(frozen=True)
class Received:
    type: str
    message_id: str
    content: str
    received_at: datetime


@never_cache
@require_safe
def view(request: HttpRequest) -> HttpResponse:
    """Show a page of received events, to this machine only. Raises Http404 without DEMO=1."""
    _require_demo(request)
    paths = sorted(folder().glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    page = Paginator(paths, PAGE_SIZE).get_page(request.GET.get("page"))
    page.object_list = [_read(path) for path in page]  # type: ignore[misc]  # files become events
    return render(request, "demo/webhooks.html", {"page_obj": page})


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """Verify one event and keep it: 204. An event that was received before is not kept twice."""
    _require_demo(request)
    message_id = request.headers.get("webhook-id", "")
    if not (_is_signed(request, message_id) and message_id.removeprefix("msg_").isalnum()):
        return HttpResponse("The signature is wrong.", status=401, content_type="text/plain")
    path = folder() / f"{message_id}.json"
    if not path.exists():
        path.write_bytes(request.body)
        oldest_first = sorted(folder().glob("*.json"), key=lambda each: each.stat().st_mtime)
        for old in oldest_first[:-KEPT]:
            old.unlink(missing_ok=True)
    return HttpResponse(status=204)


def folder() -> Path:
    """Return the directory of this receiver. Makes it."""
    path: Path = settings.VAR_DIR / "webhooks"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def keep_secret(secret: str) -> None:
    """Write down the secret of our endpoint."""
    path = folder() / "secret"
    path.touch(mode=0o600)
    path.write_text(secret)


def _require_demo(request: HttpRequest) -> None:
    if not settings.DEMO or not is_loopback(str(request.META.get("REMOTE_ADDR", ""))):
        raise Http404


def _is_signed(request: HttpRequest, message_id: str) -> bool:
    """Return True if one of the signatures is that of our secret, and the time is near."""
    stamp = request.headers.get("webhook-timestamp", "")
    path = folder() / "secret"
    if not (path.exists() and stamp.isascii() and stamp.isdecimal()):
        return False
    if abs(time.time() - int(stamp[:12])) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(path.read_text().removeprefix("whsec_"))
    signed = f"{message_id}.{stamp}.".encode() + request.body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    given = request.headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected.encode(), each.encode()) for each in given)


def _read(path: Path) -> Received:
    content: dict[str, Any] = json.loads(path.read_bytes())
    return Received(
        type=str(content["type"]),
        message_id=path.stem,
        content=json.dumps(content, indent=2, ensure_ascii=False),
        received_at=datetime.fromtimestamp(path.stat().st_mtime, timezone.get_current_timezone()),
    )
