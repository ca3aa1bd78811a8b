"""Set up metrics for Prometheus, and traces for OpenTelemetry. Both are off by default."""

from config.settings.base import env

# The port on which one process of this machine answers `/metrics` for all. 0: no metrics.
METRICS_PORT = env.port("METRICS_PORT", default=0)
# The address of that port. Never a public one: /metrics asks for no password.
METRICS_HOST = env.str("METRICS_HOST", default="") or "127.0.0.1"

# OpenTelemetry's own variables. Its SDK reads these and all others by itself.
OTEL_SERVICE_NAME = env.str("OTEL_SERVICE_NAME", default="") or "munjigi"
# True if each request makes a span.
TRACING = bool(
    env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
    or env.str("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", default="")
) and not env.bool("OTEL_SDK_DISABLED", default=False)
