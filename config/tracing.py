"""Send a span for each request to an OpenTelemetry collector, if its standard variables are set.

Needs the packages of the extra `otel`. A span has the method, the route, the status and the request's id:
never a path, a query, an address or a user. The log lines of the request then have its `trace_id`.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from structlog.contextvars import bind_contextvars, get_contextvars

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

SERVER_ERRORS = 500


def is_installed() -> bool:
    """Return True if the packages of the extra `otel` are there."""
    try:
        import opentelemetry.exporter.otlp.proto.http.trace_exporter  # noqa: PLC0415 - an extra
        import opentelemetry.sdk.trace  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return False
    return True


class TracingMiddleware:
    """Make the span. The settings list this class only if traces are on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415 - an extra
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - an extra
            TraceContextTextMapPropagator,
        )

        names = ("traceparent", "tracestate")
        carrier = {name: request.headers[name] for name in names if name in request.headers}
        with _tracer().start_as_current_span(
            str(request.method),
            context=TraceContextTextMapPropagator().extract(carrier),
            kind=SpanKind.SERVER,
        ) as span:
            bind_contextvars(trace_id=f"{span.get_span_context().trace_id:032x}")
            response = self.get_response(request)
            match = request.resolver_match
            if match is not None:
                span.update_name(f"{request.method} {match.view_name}")
                span.set_attribute("http.route", match.route)
            span.set_attribute("http.request.method", str(request.method))
            span.set_attribute("http.response.status_code", response.status_code)
            span.set_attribute("munjigi.request_id", get_contextvars().get("request_id", ""))
            if response.status_code >= SERVER_ERRORS:
                span.set_status(StatusCode.ERROR)
        return response


@cache
def _tracer() -> "Tracer":
    """Return the tracer of this process. The first request makes it, after every fork."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra

    # The SDK reads OTEL_SERVICE_NAME and the other variables by itself.
    provider = TracerProvider(
        resource=Resource.create({"service.name": settings.OTEL_SERVICE_NAME})
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer("munjigi")
