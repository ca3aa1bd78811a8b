"""A WebAuthn authenticator in software, which tells the truth or one lie at a time.

`create` and `get` take the options of the server and return what `credential.toJSON()` returns in a
browser, or what the credential managers of Android and iOS return:

    device = SoftAuthenticator()
    credential = device.create(options)
    answer = device.get(options, origin="https://evil.example")
"""

import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from django.conf import settings
from fido2 import cbor, cose
from fido2.utils import websafe_decode, websafe_encode

UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
"""The flags of the authenticator data: user present, user verified, backup eligible, backed up,
attested credential, extensions."""
ES256, EDDSA, RS256 = -7, -8, -257


@dataclass
class Passkey:
    """What an authenticator keeps of one account at one site."""

    rp_id: str
    user_handle: bytes
    user_name: str = ""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    algorithm: int = ES256
    count: int = 0
    key: Any = None

    def __post_init__(self):
        make = {
            ES256: lambda: ec.generate_private_key(ec.SECP256R1()),
            EDDSA: ed25519.Ed25519PrivateKey.generate,
            RS256: lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
        }
        self.key = self.key or make[self.algorithm]()

    @property
    def public_key(self):
        """Return the key in the COSE form, as bytes."""
        kind = cose.CoseKey.for_alg(self.algorithm)
        return cbor.encode(dict(kind.from_cryptography_key(self.key.public_key())))

    def sign(self, message):
        if self.algorithm == ES256:
            return self.key.sign(message, ec.ECDSA(hashes.SHA256()))
        if self.algorithm == RS256:
            return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(message)


@dataclass
class SoftAuthenticator:
    """A phone that syncs its passkeys, or with `is_synced=False` a security key that counts."""

    is_synced: bool = True
    aaguid: bytes = bytes(16)
    passkeys: list[Passkey] = field(default_factory=list)

    @property
    def passkey(self):
        """Return the newest passkey."""
        return self.passkeys[-1]

    def create(self, options, *, algorithm=ES256, attestation=None, **lies):
        """Make a passkey, keep it, and return the registration credential.

        `attestation` are bytes to send in place of the attestation object. See `_Said` for `lies`.
        """
        options = options.get("publicKey", options)
        user = options["user"]
        passkey = Passkey(
            options["rp"]["id"], websafe_decode(user["id"]), user["name"], algorithm=algorithm
        )
        said = _Said(**{"type": "webauthn.create"} | lies)
        credential_id = passkey.credential_id if said.credential_id is None else said.credential_id
        credential_data = (
            self.aaguid
            + struct.pack(">H", len(credential_id))
            + credential_id
            + (passkey.public_key if said.public_key is None else said.public_key)
        )
        authenticator_data = self._authenticator_data(passkey, said, credential_data)
        if attestation is None:
            content = {"fmt": "none", "attStmt": {}, "authData": authenticator_data}
            attestation = cbor.encode(content)
        self.passkeys.append(passkey)
        return _credential(
            credential_id,
            said,
            clientDataJSON=said.client_data(options),
            attestationObject=attestation,
            transports=["internal", "hybrid"] if self.is_synced else ["usb", "nfc"],
        ) | {"clientExtensionResults": {"credProps": {"rk": True}}}

    def get(self, options, passkey=None, *, signer=None, **lies):
        """Answer the challenge and return the assertion credential.

        Without `passkey`, use the newest one that the options allow. `signer` is another passkey,
        whose key signs. See `_Said` for `lies`.
        """
        options = options.get("publicKey", options)
        passkey = passkey or self._chosen(options)
        said = _Said(**{"type": "webauthn.get"} | lies)
        client_data = said.client_data(options)
        authenticator_data = self._authenticator_data(passkey, said)
        message = authenticator_data + hashlib.sha256(client_data).digest()
        signature = (signer or passkey).sign(message) if said.signature is None else said.signature
        handle = passkey.user_handle if said.user_handle is None else said.user_handle
        return _credential(
            passkey.credential_id if said.credential_id is None else said.credential_id,
            said,
            clientDataJSON=client_data,
            authenticatorData=authenticator_data,
            signature=signature,
            userHandle=handle,
        )

    def clone(self):
        """Return a copy with the same keys, whose counters go on by themselves."""
        passkeys = [Passkey(**vars(passkey)) for passkey in self.passkeys]
        return SoftAuthenticator(self.is_synced, self.aaguid, passkeys)

    def _chosen(self, options):
        allowed = {websafe_decode(each["id"]) for each in options.get("allowCredentials") or ()}
        mine = [passkey for passkey in self.passkeys if passkey.rp_id == options["rpId"]]
        return [each for each in mine if not allowed or each.credential_id in allowed][-1]

    def _authenticator_data(self, passkey, said, credential_data=b""):
        if said.authenticator_data is not None:
            return said.authenticator_data
        if not self.is_synced:
            passkey.count += 1
        count = passkey.count if said.count is None else said.count
        flags = (
            UP * said.is_present
            | UV * said.is_verified
            | BE * (self.is_synced if said.is_eligible is None else said.is_eligible)
            | BS * (self.is_synced if said.is_backed_up is None else said.is_backed_up)
            | AT * bool(credential_data)
            | ED * (said.extensions is not None)
        )
        rp_id = said.rp_id or passkey.rp_id
        start = hashlib.sha256(rp_id.encode()).digest() + struct.pack(">BI", flags, count)
        return start + credential_data + (said.extensions or b"")


@dataclass(frozen=True)
class _Said:
    """What an authenticator and its browser say. None and '' stand for the truth."""

    type: str
    """The ceremony in the client data."""
    origin: str = ""
    challenge: bytes | None = None
    is_cross_origin: bool = False
    """True if a page of another site shows ours in a frame."""
    top_origin: str = ""
    rp_id: str = ""
    is_present: bool = True
    is_verified: bool = True
    is_eligible: bool | None = None
    is_backed_up: bool | None = None
    count: int | None = None
    extensions: bytes | None = None
    """Any CBOR, also a wrong one, at the end of the authenticator data. The signature covers it."""
    authenticator_data: bytes | None = None
    public_key: bytes | None = None
    """Bytes in place of the COSE key of a registration."""
    credential_id: bytes | None = None
    user_handle: bytes | None = None
    signature: bytes | None = None
    raw_client_data: bytes | None = None
    credential_type: str = "public-key"
    attachment: str = "platform"

    def client_data(self, options):
        if self.raw_client_data is not None:
            return self.raw_client_data
        challenge = options["challenge"]
        content = {
            "type": self.type,
            "challenge": challenge if self.challenge is None else websafe_encode(self.challenge),
            "origin": self.origin or settings.SITE_URL,
            "crossOrigin": self.is_cross_origin,
        }
        if self.top_origin:
            content["topOrigin"] = self.top_origin
        return json.dumps(content, separators=(",", ":")).encode()


def nested_cbor(depth):
    """Return CBOR of lists in lists."""
    return b"\x81" * depth + b"\x00"


def huge_cbor(size):
    """Return CBOR of one byte string of this size."""
    return cbor.encode({"x": bytes(size)})


def endless_cbor():
    """Return nine bytes that announce a list of 2**64 - 1 entries."""
    return b"\x9b" + b"\xff" * 8


def _credential(credential_id, said, **response):
    text = websafe_encode(credential_id)
    return {
        "id": text,
        "rawId": text,
        "type": said.credential_type,
        "authenticatorAttachment": said.attachment,
        "clientExtensionResults": {},
        "response": {
            name: websafe_encode(value) if isinstance(value, bytes) else value
            for name, value in response.items()
        },
    }
