"""Issue a token that carries a link while a native app's user proves the account.

The token is the link, encrypted. It works once, for ten minutes, and only together with a proof of
the account that it names.
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
    """Return the link of this token and mark the token as used.

    Returns None if the token is invalid, expired, used before, or of another account. Raises
    `STORE_ERRORS` if Redis can't tell whether the token was used.
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
