"""Serve the brand's colours as a style sheet: our policy blocks inline styles."""

from django.http import Http404, HttpRequest, HttpResponse

from accounts import brand
from accounts.routes import mark

YEAR_SECONDS = 365 * 24 * 3600


@mark(is_stateless=True)
def style_sheet(request: HttpRequest, version: str) -> HttpResponse:
    """Answer with the style sheet. A browser keeps the version that its pages name for a year.

    While another release starts, a page may name the version of another process. Nobody keeps that answer.
    """
    text = brand.style_sheet()
    if not text:
        raise Http404
    is_same = version == brand.version()
    keep = f"public, max-age={YEAR_SECONDS}, immutable" if is_same else "no-store"
    return HttpResponse(text, content_type="text/css", headers={"Cache-Control": keep})
