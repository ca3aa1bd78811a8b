"""Show the mail that the worker wrote to files under DEMO=1, newest first."""

from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from ipaddress import ip_address
from pathlib import Path

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

PAGE_SIZE = 10


@dataclass(frozen=True)
class CaughtMail:
    to: str
    subject: str
    body: str
    received_at: datetime


@never_cache
@require_safe
def view(request: HttpRequest) -> HttpResponse:
    """Show a page of caught mails, to this machine only. Raises Http404 without DEMO=1: mails hold codes."""
    if not settings.DEMO or not is_loopback(str(request.META.get("REMOTE_ADDR", ""))):
        raise Http404
    paths = sorted(settings.EMAIL_FILE_PATH.glob("*.log"), reverse=True)
    page = Paginator(paths, PAGE_SIZE).get_page(request.GET.get("page"))
    page.object_list = [_read(path) for path in page]  # type: ignore[misc]  # files become mails
    return render(request, "demo/mail.html", {"page_obj": page})


def _read(path: Path) -> CaughtMail:
    """Return the mail in this file.

    Each file has one mail, because the worker connects once per mail.
    """
    message = BytesParser(EmailMessage, policy=policy.default).parsebytes(path.read_bytes())
    body = message.get_body(("plain",))
    text = body.get_content() if body else ""
    return CaughtMail(
        to=message["To"] or "",
        subject=message["Subject"] or "",
        body=text.rpartition("\n" + "-" * 79)[0] or text,
        received_at=datetime.fromtimestamp(path.stat().st_mtime, timezone.get_current_timezone()),
    )


def is_loopback(address: str) -> bool:
    """Return True if this is an address of this machine."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
