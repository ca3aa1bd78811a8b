"""Serve metrics to Prometheus, on a port of their own, if `METRICS_PORT` is set.

Owns the files in `VAR_DIR/metrics`, the listeners of `accounts.metrics`, and the thread that answers
`/metrics`. Never touches requests.
"""
