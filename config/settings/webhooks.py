"""Set up the webhooks that we send to other services."""

from ipaddress import ip_network

from config.settings.base import DEMO, env

WEBHOOK_PRIVATE_NETWORKS = [
    ip_network(text)
    for text in env.list(
        "WEBHOOK_PRIVATE_NETWORKS", default=["127.0.0.0/8", "::1/128"] if DEMO else []
    )
]
