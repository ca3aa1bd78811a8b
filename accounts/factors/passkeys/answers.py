"""Check what a passkey answers: a signature over a challenge of ours, once.

fido2 checks the signature, origin, RP id and flags. Ours are: the challenge, the account, the count of
signatures, and what may not change. Nothing here counts tries or records refusals: `entry` does.
"""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from allauth.mfa.models import Authenticator
from cryptography.exceptions import UnsupportedAlgorithm
from django.utils import timezone
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AuthenticationResponse,
    AuthenticatorData,
    CollectedClientData,
    RegistrationResponse,
    UserVerificationRequirement,
)

from accounts.factors.passkeys import challenges, credentials, options
from accounts.factors.passkeys.challenges import Asked, Purpose
from accounts.factors.passkeys.errors import PasskeyError, Why
from accounts.people.models import User

MAX_CHARACTERS = 16 * 1024
"""Most characters of one answer. A real one has a few hundred, with an attestation a few thousand.

fido2 copies the rest of a CBOR text for each entry of a list: a list of 64 KB costs half a second.
"""
ID_MAX = 1023
"""Most bytes of a credential's id (WebAuthn §4)."""
TRANSPORTS = {"ble", "hybrid", "internal", "nfc", "smart-card", "usb"}
UNREADABLE = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError),
    *(TypeError, ValueError, NotImplementedError, struct.error, UnsupportedAlgorithm),
)
"""What fido2 raises for bytes that are no answer, or that it refuses."""

T = TypeVar("T")


@dataclass(frozen=True)
class SignedAnswer:
    """A credential that a browser answered, for one purpose: what the registry's functions take."""

    credential: dict[str, Any]
    purpose: Purpose


@dataclass(frozen=True)
class NewCredential:
    """A credential that has proved itself, to be stored for the account that asked."""

    auth_data: AuthenticatorData
    is_passkey: bool
    transports: list[str]


def parse(text: str) -> dict[str, Any]:
    """Return the credential of this JSON text. Raises `PasskeyError`, for long ones before parsing."""
    if len(text) > MAX_CHARACTERS:
        raise PasskeyError(Why.UNREADABLE)
    credential = _read(lambda: json.loads(text))
    if not isinstance(credential, dict):
        raise PasskeyError(Why.UNREADABLE)
    return credential


def is_shaped(answer: object) -> bool:
    return isinstance(answer, SignedAnswer)


def spend(row: Authenticator, answer: SignedAnswer) -> bool:
    """Use the answer up if this credential gave it. Raises `PasskeyError` if it is wrong."""
    if _id_in(answer.credential) != row.data["credential_id"]:
        return False
    check(answer.credential, answer.purpose, row.user)
    return True


def check(credential: dict[str, Any], purpose: Purpose, user: User | None = None) -> Authenticator:
    """Use the challenge of this answer up, and return the row of the passkey that gave it.

    Without `user`, the passkey names its account: for a sign-in. The challenge is used up also by a
    wrong answer. Raises `PasskeyError`, and `StoreUnavailableError`.
    """
    members = _members(credential, "clientDataJSON", "authenticatorData", "signature", "userHandle")
    answer = _read(lambda: AuthenticationResponse.from_dict(members))
    asked = _challenged(answer.response.client_data, purpose, user)
    row = credentials.find(answer.raw_id)
    if row is None or (user is not None and row.user_id != user.pk):
        raise PasskeyError(Why.UNKNOWN)
    try:
        _compare(row, answer, asked)
    except PasskeyError as error:
        error.user = row.user
        raise
    return row


def _compare(row: Authenticator, answer: AuthenticationResponse, asked: Asked) -> None:
    """Raise `PasskeyError` if this credential did not give the answer, or may not give it."""
    auth_data, client_data = answer.response.authenticator_data, answer.response.client_data
    handle = answer.response.user_handle
    if (not asked.user_id or handle) and handle != credentials.handle_of(row.user):
        raise PasskeyError(Why.REFUSED)
    if not asked.user_id and not (row.data["is_passkey"] and row.user.is_active):
        raise PasskeyError(Why.REFUSED)  # a second step only, or a disabled account
    if asked.demands_verification and not auth_data.is_user_verified():
        raise PasskeyError(Why.UNVERIFIED)
    known, state = [credentials.attested_of(row)], _state(client_data, asked)
    _read(lambda: options.server().authenticate_complete(state, known, answer), Why.REFUSED)
    _note(row, auth_data)


def register(credential: dict[str, Any], user: User) -> NewCredential:
    """Use the challenge of this registration up, and return the new credential. Stores nothing.

    Raises `PasskeyError`, and `StoreUnavailableError`.
    """
    members = _members(credential, "clientDataJSON", "attestationObject")
    answer = _read(lambda: RegistrationResponse.from_dict(members))
    auth_data = answer.response.attestation_object.auth_data
    asked = _challenged(answer.response.client_data, Purpose.REGISTER, user)
    if asked.demands_verification and not auth_data.is_user_verified():
        raise PasskeyError(Why.UNVERIFIED)
    state = _state(answer.response.client_data, asked)
    _read(lambda: options.server().register_complete(state, answer), Why.REFUSED)
    attested = auth_data.credential_data
    if (
        attested is None
        or attested.public_key.get(3) not in options.ALGORITHMS
        or not 0 < len(attested.credential_id) <= ID_MAX
        or attested.credential_id != answer.raw_id
        or not _are_flags_possible(auth_data)
    ):
        raise PasskeyError(Why.REFUSED)
    named = credential["response"].get("transports")
    texts = {text for text in named if isinstance(text, str)} if isinstance(named, list) else set()
    return NewCredential(auth_data, asked.is_passkey, sorted(TRANSPORTS & texts))


def _challenged(client_data: CollectedClientData, purpose: Purpose, user: User | None) -> Asked:
    asked = challenges.spend(client_data.challenge, purpose, user)
    if asked is None:
        raise PasskeyError(Why.EXPIRED)
    if client_data.cross_origin or "topOrigin" in json.loads(client_data):
        raise PasskeyError(Why.REFUSED)  # another site shows ours in a frame
    return asked


def _note(row: Authenticator, auth_data: AuthenticatorData) -> None:
    """Store the signature counter and the flags of this answer. Of two answers with the same counter, one wins.

    Raises `PasskeyError` if the counter did not grow: then a copy of the credential exists. Authenticators
    that don't count always send 0.
    """
    current: Authenticator | None = row
    while current is not None:
        data = current.data
        if auth_data.is_backup_eligible() != data["is_syncable"]:
            raise PasskeyError(Why.REFUSED)  # it never changes (WebAuthn §6.1.3)
        if not _are_flags_possible(auth_data):
            raise PasskeyError(Why.REFUSED)
        counts = bool(data["sign_count"] or auth_data.counter)
        if counts and auth_data.counter <= data["sign_count"]:
            raise PasskeyError(Why.CLONED)
        new = data | {"sign_count": auth_data.counter, "is_synced": auth_data.is_backed_up()}
        if credentials.replace(current, new, last_used_at=timezone.now()):
            row.data = new
            return
        current = Authenticator.objects.filter(pk=row.pk).first()  # another answer came meanwhile
    raise PasskeyError(Why.UNKNOWN)  # removed meanwhile


def _are_flags_possible(auth_data: AuthenticatorData) -> bool:
    return auth_data.is_backup_eligible() or not auth_data.is_backed_up()


def _state(client_data: CollectedClientData, asked: Asked) -> dict[str, Any]:
    """Return what fido2 compares the answer with. The challenge is ours: `_challenged` found it."""
    required, preferred = (
        UserVerificationRequirement.REQUIRED,
        UserVerificationRequirement.PREFERRED,
    )
    return {
        "challenge": websafe_encode(client_data.challenge),
        "user_verification": required if asked.demands_verification else preferred,
    }


def _id_in(credential: dict[str, Any]) -> object:
    return credential.get("id", credential.get("rawId"))


def _members(credential: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the members that fido2 shall read, each a text. Raises `PasskeyError`.

    fido2 would make `bytes(number)` of a number: a body of a few characters could fill the memory.
    """
    response = credential.get("response")
    read = response if isinstance(response, dict) else {}
    members = {name: read[name] for name in names if read.get(name) is not None}
    texts = [credential.get("id"), credential.get("rawId"), *members.values()]
    if not all(isinstance(text, str) for text in texts):
        raise PasskeyError(Why.UNREADABLE)
    if sum(map(len, texts)) > MAX_CHARACTERS:
        raise PasskeyError(Why.UNREADABLE)
    named = {name: credential.get(name) for name in ("id", "rawId", "type")}
    return named | {"response": members}


def _read(act: Callable[[], T], why: Why = Why.UNREADABLE) -> T:
    try:
        return act()
    except UNREADABLE as error:
        raise PasskeyError(why) from error
