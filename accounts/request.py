"""The request that views, middleware, receivers and adapters hold."""

from allauth.account.adapter import get_adapter
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest

from accounts.client_info import USER_AGENT_MAX, ClientInfo


def client_of(request: HttpRequest) -> ClientInfo:
    """The caller's address and device.

    allauth's adapter decides which proxies to trust, so that its limits and our records agree.
    """
    try:
        ip = get_adapter(request).get_client_ip(request)
    except (ImproperlyConfigured, PermissionDenied, KeyError):
        ip = None
    user_agent = request.META.get("HTTP_USER_AGENT", "")
    return ClientInfo(ip=ip, user_agent=user_agent.replace("\x00", "")[:USER_AGENT_MAX])
