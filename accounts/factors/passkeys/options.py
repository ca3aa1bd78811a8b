"""Make what the browser is asked: the options of `navigator.credentials.get` and `.create`, as JSON.

Browsers read them by `PublicKeyCredential.parseRequestOptionsFromJSON` and `parseCreationOptionsFromJSON`.
"""

import json
from typing import Any

from django.conf import settings
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.factors.passkeys import challenges, credentials
from accounts.factors.passkeys.challenges import Purpose
from accounts.people.models import User

Json = dict[str, Any]
PUBLIC_KEY = PublicKeyCredentialType.PUBLIC_KEY
ALGORITHMS = (-8, -7, -257)
"""Ed25519, ES256 and RS256, which devices of all makers know, as COSE numbers."""


def server() -> Fido2Server:
    """Return fido2's server, which checks answers for our RP id and our origins."""
    rp = PublicKeyCredentialRpEntity(id=settings.WEBAUTHN_RP_ID, name=settings.SITE_NAME)
    made = Fido2Server(rp, verify_origin=lambda origin: origin in settings.WEBAUTHN_ORIGINS)
    made.timeout = challenges.SECONDS * 1000  # type: ignore[assignment]  # fido2 says None only
    made.allowed_algorithms = [
        PublicKeyCredentialParameters(type=PUBLIC_KEY, alg=number) for number in ALGORITHMS
    ]
    return made


def request(purpose: Purpose, user: User | None = None) -> Json:
    """Return PublicKeyCredentialRequestOptions for an answer by `answers.check`.

    Without a user, the browser offers its passkeys of this site. Raises `StoreUnavailableError`.
    """
    rows = credentials.of(user) if user else []
    demands = user is None or all(row.data["is_passkey"] for row in rows)
    challenge = challenges.issue(purpose, user, demands_verification=demands)
    verification = (
        UserVerificationRequirement.REQUIRED if demands else UserVerificationRequirement.PREFERRED
    )
    made, _ = server().authenticate_begin(
        credentials=[_named(row) for row in rows],
        user_verification=verification,
        challenge=challenge,
    )
    return _plain(made.public_key)


def creation(user: User, *, is_passkey: bool) -> Json:
    """Return PublicKeyCredentialCreationOptions for a credential that `answers.register` checks.

    A passkey can sign in by itself, and must check its owner. Raises `StoreUnavailableError`.
    """
    challenge = challenges.issue(
        Purpose.REGISTER, user, demands_verification=is_passkey, is_passkey=is_passkey
    )
    made, _ = server().register_begin(
        PublicKeyCredentialUserEntity(
            id=credentials.handle_of(user),
            name=user.email,
            display_name=user.display_name or user.email,
        ),
        credentials=[_named(row) for row in credentials.of(user)],
        resident_key_requirement=(
            ResidentKeyRequirement.REQUIRED if is_passkey else ResidentKeyRequirement.DISCOURAGED
        ),
        user_verification=(
            UserVerificationRequirement.REQUIRED
            if is_passkey
            else UserVerificationRequirement.PREFERRED
        ),
        challenge=challenge,
        extensions={"credProps": True},
    )
    return _plain(made.public_key)


def accepted(user: User) -> Json:
    """Return what `PublicKeyCredential.signalAllAcceptedCredentials` takes, so that devices forget
    removed passkeys."""
    return {
        "rpId": settings.WEBAUTHN_RP_ID,
        "userId": websafe_encode(credentials.handle_of(user)),
        "allAcceptedCredentialIds": [row.data["credential_id"] for row in credentials.of(user)],
    }


def unknown(credential_id: str) -> Json:
    """Return what `PublicKeyCredential.signalUnknownCredential` takes."""
    return {"rpId": settings.WEBAUTHN_RP_ID, "credentialId": credential_id}


def _named(row: Any) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(
        type=PUBLIC_KEY, id=credentials.id_of(row), transports=row.data["transports"] or None
    )


def _plain(made: Any) -> Json:
    plain: Json = json.loads(json.dumps(dict(made)))
    return plain
