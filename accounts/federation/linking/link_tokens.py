"""Issue a token that carries a link while a native app's user proves the account.

The token is the link, encrypted; it works once. It is worthless without the proof, and works for the
account that it names only.
"""

import json
import time
from dataclasses import asdict

from accounts import encryption
from accounts.errors import DecryptionError
from accounts.federation.errors import ProviderError
from accounts.federation.linking.links import Link
from accounts.federation.wire import replay

SECONDS = 10 * 60
PURPOSE = "link"


def issue(link: Link) -> str:
    return encryption.encrypt(json.dumps({"purpose": PURPOSE, "link": asdict(link)}))


def spend(token: str, *, user_id: str) -> Link | None:
    """Return the link, once. None if the token is invalid, expired, used, or another account's.

    Raises `STORE_ERRORS` while Redis is down: nobody can tell whether it was used.
    """
    try:
        content = json.loads(encryption.decrypt(token))
        if not isinstance(content, dict) or content.get("purpose") != PURPOSE:
            return None
        link = Link(**content["link"])
    except (DecryptionError, ValueError, KeyError, TypeError):  # or what another release issued
        return None
    expires_at = link.noted_at + SECONDS
    if link.user_id != user_id or time.time() >= expires_at:
        return None
    try:
        replay.spend(f"link:{link.key}", expires_at=expires_at)
    except ProviderError:
        return None
    return link
