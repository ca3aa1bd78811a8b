"""Test that traces are off by default, and that a span reaches a local receiver if they are on."""

from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from config import tracing
from config.checks import extensions
from tests.kit.sites import serving

REQUESTS = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
client = Client(raise_request_exception=False)
headers = {"traceparent": parent, "x-request-id": "request-of-the-test"}
answers["page"] = client.get("/accounts/login/?next=/secret", headers=headers).status_code
answers["none"] = client.get("/somebody@example.com").status_code
answers["livez"] = client.get("/livez").status_code
answers["otel"] = "opentelemetry.sdk.trace" in sys.modules
if settings.TRACING:
    from config import tracing
    tracing._tracer().span_processor.force_flush()
"""


@pytest.fixture
def receiver():
    """Return the address of a receiver of OTLP over HTTP, and the spans that it got."""
    spans = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] is None and self.path == "/v1/traces":
                for each in ExportTraceServiceRequest.FromString(body).resource_spans:
                    spans.extend(
                        (each.resource, span) for scope in each.scope_spans for span in scope.spans
                    )
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_) -> None:
            """Write no log."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server, serving(server):
        yield f"http://127.0.0.1:{server.server_address[1]}", spans


def attributes(holder):
    return {each.key: each.value.string_value or each.value.int_value for each in holder.attributes}


def test_without_variables_nothing_is_imported_or_sent(site_under, receiver):
    _, spans = receiver

    answers = site_under(REQUESTS)

    assert answers == {"page": 200, "none": 404, "livez": 200, "otel": False}
    assert spans == []


def test_a_span_of_each_request_reaches_the_receiver(site_under, receiver):
    address, spans = receiver

    answers = site_under(REQUESTS, OTEL_EXPORTER_OTLP_ENDPOINT=address)

    assert answers == {"page": 200, "none": 404, "livez": 200, "otel": True}
    [(resource, page), (_, none)] = spans
    assert attributes(resource)["service.name"] == "munjigi"
    assert (page.name, none.name) == ("GET account_login", "GET")
    assert page.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert page.parent_span_id.hex() == "b7ad6b7169203331"
    assert attributes(page) == {
        "http.request.method": "GET",
        "http.route": "accounts/login/",
        "http.response.status_code": 200,
        "munjigi.request_id": "request-of-the-test",
    }
    sent = b"".join(span.SerializeToString() for _, span in spans)
    assert b"secret" not in sent
    assert b"somebody" not in sent


def test_the_standard_variable_switches_traces_off(site_under, receiver):
    address, spans = receiver

    answers = site_under(REQUESTS, OTEL_EXPORTER_OTLP_ENDPOINT=address, OTEL_SDK_DISABLED="true")

    assert answers["otel"] is False
    assert spans == []


def test_a_collector_that_is_down_stops_no_request(site_under):
    answers = site_under(
        REQUESTS.partition("if settings.TRACING")[0],
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
    )

    assert answers["page"] == 200


def test_traces_without_the_packages_are_an_error(settings, monkeypatch):
    settings.TRACING = True
    assert extensions.check_tracing(None) == []
    monkeypatch.setattr(tracing, "is_installed", lambda: False)

    assert [found.id for found in extensions.check_tracing(None)] == ["config.E001"]
