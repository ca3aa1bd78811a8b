"""The end of a connection, told to Kakao with the app's admin key: no token of the person is needed."""

from django.conf import settings

from accounts.social import fetch
from accounts.social.exceptions import ProviderError, RefusedError
from accounts.social.kakao import account

NOT_REGISTERED = -101
"""Kakao's code for a person who isn't connected to the app (any more)."""


def unlink(uid: str) -> None:
    """Raises `ProviderError`: not done, or nobody can tell."""
    options = settings.SOCIALACCOUNT_PROVIDERS["kakao"]
    if not options["ADMIN_KEY"]:
        raise ProviderError("KAKAO_ADMIN_KEY isn't set")
    form = {"target_id_type": "user_id", "target_id": uid}
    try:
        answer = fetch.post(
            options["UNLINK_URL"], form, authorization=f"KakaoAK {options['ADMIN_KEY']}"
        )
    except RefusedError as exc:
        if exc.answer.get("code") == NOT_REGISTERED:
            return
        raise
    if account.number(answer.get("id")) != uid:
        raise ProviderError("answered for somebody else")
