"""Own the webhooks: endpoints of other services, and the events that the worker delivers to them.

Follows the audit log, and knows no allauth and no HTTP request of ours.
"""
