"""Build the answers of every stand-in: pages in Korean and English, JSON, and safe headers."""

from collections.abc import Callable
from pathlib import Path

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.urls import URLPattern
from django.utils.translation import get_language_from_request

from demo.consent_copy import COPY
from demo.misbehaviour import Misbehaviour

STYLESHEET = (Path(__file__).parent / "static" / "consent.css").read_bytes()


class Site:
    """The base of a stand-in. An instance is its ROOT_URLCONF, so no module holds state."""

    slug: str
    urlpatterns: list[URLPattern]
    fault: Misbehaviour

    def refusal_of(self, reason: str) -> tuple[int, str]:
        """Return the status and headline of the error page, in the provider's own words."""
        raise NotImplementedError

    def answer(
        self, body: dict[str, object], *, status: int = 200, headers: dict[str, str] | None = None
    ) -> HttpResponse:
        """Return a JSON answer. Escapes non-ASCII text while a fault is on: it may not fit UTF-8."""
        return JsonResponse(
            body,
            status=status,
            headers=headers,
            json_dumps_params={"ensure_ascii": bool(self.fault.name)},
        )

    def error_page(self, request: HttpRequest, reason: str) -> HttpResponse:
        status, headline = self.refusal_of(reason)
        return self.page(request, "error", {"headline": headline, "reason": reason}, status=status)

    def not_allowed(self, request: HttpRequest, allow: str) -> HttpResponse:
        response = self.page(request, "error", {"headline": "405", "reason": "method"}, status=405)
        response["Allow"] = allow
        return response

    def handler404(self, request: HttpRequest, **_details: object) -> HttpResponse:
        return self.page(request, "error", {"headline": "404", "reason": "not_found"}, status=404)

    def page(
        self,
        request: HttpRequest,
        name: str,
        context: dict[str, object],
        *,
        status: int,
        form_action: str = "'none'",
    ) -> HttpResponse:
        language = "ko" if get_language_from_request(request) == "ko" else "en"
        texts = COPY[language] | COPY[f"{language}-{self.slug}"]
        context |= {"language": language, "t": texts, "slug": self.slug}
        context["explanation"] = texts.get(str(context.get("reason")), "")
        response = HttpResponse(render_to_string(f"standin/{name}.html", context), status=status)
        response["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'self'; form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
        )
        response["Content-Language"] = language
        response["Vary"] = "Accept-Language, Cookie"
        return response

    def stylesheet(self, _request: HttpRequest) -> HttpResponse:
        return HttpResponse(STYLESHEET, content_type="text/css; charset=utf-8")


def safe_headers(
    respond: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = respond(request)
        response.headers.setdefault(
            "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"
        )
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        if not isinstance(response, HttpResponse):  # the fault `drip` streams and has no length
            return response
        response.headers["Content-Length"] = str(len(response.content))
        if request.method == "HEAD":
            response.content = b""
        return response

    return middleware
