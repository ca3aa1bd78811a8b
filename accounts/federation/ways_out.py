"""How to leave an app's own browser, where Google refuses to sign people in.

Works without JavaScript: a link where the system or the app has one, and the address to copy.
"""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.http import HttpRequest

from accounts import client_info
from accounts.request import client_of

KAKAOTALK = "KakaoTalk"


@dataclass(frozen=True)
class WayOut:
    """`app` shows the page now, '' if we don't know its name. `link` opens `address` in the visitor's browser.

    `link` is '' if no link does that.
    """

    app: str
    address: str
    link: str


def of(request: HttpRequest) -> WayOut | None:
    """Return the way out of the app that shows this page, or None in a browser."""
    user_agent = client_of(request).user_agent
    if not client_info.is_embedded(user_agent):
        return None
    app = client_info.embedding_app(user_agent)
    address = settings.SITE_URL + request.get_full_path()
    return WayOut(app, address, _link(app, address, user_agent))


def _link(app: str, address: str, user_agent: str) -> str:
    if client_info.is_android(user_agent):
        return _intent(address)
    # KakaoTalk's own link; no other app on an iPhone has one.
    return f"kakaotalk://web/openExternal?url={quote(address, safe='')}" if app == KAKAOTALK else ""


def _intent(address: str) -> str:
    """Android opens it in the default browser. https://developer.chrome.com/docs/android/intents"""
    parts = urlsplit(address)
    where = address.removeprefix(f"{parts.scheme}://")
    intent = f"scheme={parts.scheme};action=android.intent.action.VIEW"
    return f"intent://{where}#Intent;{intent};category=android.intent.category.BROWSABLE;end"
