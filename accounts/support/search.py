"""Find users, sign-ins and events by what an operator has at hand.

Indexes serve each condition: parts of an email or name by trigrams (PostgreSQL), all else by its
whole value or its beginning.
"""

from ipaddress import IPv6Address, ip_address
from uuid import UUID

from django.db.models import Q

from accounts.people.models import User

SHORTEST_PART = 3
"""Characters of a part that trigrams find. A shorter text is searched at the beginning only."""
LONGEST = 254
"""Characters of the longest email."""


def text_of(query: str) -> str:
    """Return the text to search for, without what no row has."""
    return query.replace("\x00", "").strip()[:LONGEST]


def uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def ip_of(text: str) -> str | None:
    """Return the IP address as rows have it, or None if the text is not one."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def users(text: str) -> Q:
    """Return the users with this id, or with this part of an email or name."""
    if key := uuid_of(text):
        return Q(pk=key)
    return _part("email", text) | _part("display_name", text)


def sign_ins(text: str) -> Q:
    """Return the sign-ins with this id, user's id or IP address, or of users with this part of an email."""
    if key := uuid_of(text):
        return Q(pk=key) | Q(user=key)
    if ip := ip_of(text):
        return Q(ip=ip)
    return _part("user__email", text)


def events(text: str) -> Q:
    """Return the events with this sid, user's id, request id or IP address, or of such an account."""
    if key := uuid_of(text):
        return Q(sid=key) | Q(user=key) | Q(request_id=text)
    if ip := ip_of(text):
        return Q(ip=ip)
    found = Q(request_id=text)
    # As typed: phones write the first letter as a capital.
    for form in {text, text.lower(), text.capitalize()}:
        found |= Q(identifier__startswith=form)
    return found


def reports(text: str) -> Q:
    """Return the reports with this id, user's id or sid, or of users with this part of an email."""
    if key := uuid_of(text):
        return Q(pk=key) | Q(user=key) | Q(sid=key)
    return _part("user__email", text)


def resets(text: str) -> Q:
    """Return the resets with this id or user's id, or of or by users with this part of an email."""
    if key := uuid_of(text):
        return Q(pk=key) | Q(user=key)
    return _part("user__email", text) | _part("asked_by__email", text)


def invitations(text: str) -> Q:
    """Return the invitation with this id, or those of an address that begins like this."""
    if key := uuid_of(text):
        return Q(pk=key)
    return Q(email__startswith=text.lower())


def deliveries(text: str) -> Q:
    """Return the deliveries with this `webhook-id`, user's id or sid. No other text finds one."""
    if key := uuid_of(text.removeprefix("msg_")):
        return Q(pk=key) | Q(user_id=key) | Q(sid=key)
    return Q(pk__in=[])


def owner_of(email: str) -> User | None:
    """Return the user with exactly this email."""
    return User.objects.filter(email=User.objects.normalize_email(email)).first()


def _part(field: str, text: str) -> Q:
    how = "icontains" if len(text) >= SHORTEST_PART else "istartswith"
    return Q(**{f"{field}__{how}": text})
