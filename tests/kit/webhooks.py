"""Receive webhooks on this machine, and verify them by a library that isn't ours."""

import json
from ipaddress import ip_network

from standardwebhooks import Webhook

from accounts.webhooks import endpoints
from accounts.webhooks.models import WebhookEndpoint

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
ACCEPTED = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
REFUSED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops"
GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
FAR = "https://app.example.com/hooks"


def endpoint(url=FAR, *, events=("session.revoked",), **columns):
    """Return a new endpoint and its secret."""
    row = WebhookEndpoint(url=url, events=list(events), **columns)
    return row, endpoints.add(row)


def head_and_body(request):
    """Return the headers, with names in lower case, and the body of a received request."""
    head, _, body = request.partition("\r\n\r\n")
    lines = (line.partition(": ") for line in head.split("\r\n")[1:])
    return {name.lower(): value for name, _, value in lines}, body


def verified(request, secret):
    """Return the JSON of a received request, as the library of Standard Webhooks verifies it."""
    headers, body = head_and_body(request)
    verified = Webhook(secret).verify(body, headers)
    assert verified == json.loads(body)
    return verified
