"""Remember whose account was deleted here, so that neither an import nor a sign-in there brings it back."""

import hmac
from collections.abc import Iterable

from django.conf import settings

from accounts.moving.models import Departure
from accounts.people.models import User


def note(user: User) -> None:
    """Note that this account is about to be deleted. Call in the transaction of the deletion."""
    ids = user.external_ids.values_list("source", "external_id")
    Departure.objects.bulk_create(
        (Departure(digest=_digest(source, key)) for source, key in ids), ignore_conflicts=True
    )


def among(ids: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of these sources and ids whose accounts were deleted here."""
    digests = {_digest(*each): each for each in ids}
    found = Departure.objects.filter(digest__in=digests).values_list("digest", flat=True)
    return {digests[digest] for digest in found}


def _digest(source: str, key: str) -> str:
    content = b"\0".join([b"departure", source.encode(), key.encode()])
    return hmac.digest(settings.SESSION_ID_KEY.encode(), content, "sha256").hex()
