"""Add, rename and demote passkeys of an account."""

from allauth.mfa.models import Authenticator
from django.db import IntegrityError, transaction

from accounts.audit.vocabulary import FactorKind
from accounts.client_info import ClientInfo
from accounts.factors.passkeys import credentials, makers
from accounts.factors.passkeys.answers import NewCredential
from accounts.factors.passkeys.errors import PasskeyError, Why
from accounts.people import names
from accounts.people.models import User


def add(user: User, new: NewCredential, *, name: str, client: ClientInfo) -> Authenticator:
    """Store the credential and return its row. Raises `PasskeyError`.

    Call in a transaction that has locked the user's row. An empty name becomes the maker's.
    """
    if len(credentials.of(user)) >= credentials.MAX:
        raise PasskeyError(Why.TOO_MANY)
    attested = new.auth_data.credential_data
    maker = str(attested.aaguid) if attested else ""
    data = credentials.data_of(
        new.auth_data,
        name=clean(name) or clean(makers.name_of(maker, client)),
        is_passkey=new.is_passkey,
        transports=new.transports,
    )
    row = Authenticator(user=user, type=FactorKind.PASSKEY, data=data)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:  # some account has it already
        raise PasskeyError(Why.KNOWN) from error
    return row


def rename(row: Authenticator, name: str) -> bool:
    """Give the passkey another name. Returns False if it was removed meanwhile, or has no name."""
    name = clean(name)
    return bool(name) and _write(row, name=name)


def demote_all(user: User) -> None:
    """Let no passkey of this account sign in alone. Each stays a second step."""
    for row in credentials.of(user):
        _write(row, is_passkey=False)


def _write(row: Authenticator, **entries: str | bool) -> bool:
    """Write these entries of `data`. Returns False if the passkey was removed meanwhile."""
    current: Authenticator | None = row
    while current is not None:
        if credentials.replace(current, current.data | entries):
            return True
        current = Authenticator.objects.filter(pk=row.pk).first()  # it was used meanwhile
    return False


def clean(name: str) -> str:
    """Return the name on one line, without characters that can't be seen; '' if nothing shows."""
    shown = "".join(character if character.isprintable() else " " for character in name)
    return names.visible(" ".join(shown.split())[: credentials.NAME_MAX])
