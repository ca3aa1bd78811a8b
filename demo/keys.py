"""Make a stand-in's signing key. It is published as a JWK Set and as Google's map of certificates."""

import datetime as dt
import hashlib
import json

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm


class SigningKey:
    """An RSA key that lives as long as the process, so its signatures are worthless later."""

    def __init__(self) -> None:
        self.private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.public_key = self.private_key.public_key()
        der = self.public_key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.kid = hashlib.sha256(der).hexdigest()[:40]
        self.certificate = self.self_signed().public_bytes(serialization.Encoding.PEM).decode()

    def self_signed(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stand-in.invalid")])
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=16))
            .sign(self.private_key, hashes.SHA256())
        )

    def jwk(self) -> dict[str, object]:
        numbers = RSAAlgorithm.to_jwk(self.public_key, as_dict=True)
        return {
            "kty": "RSA",
            "n": numbers["n"],
            "e": numbers["e"],
            "kid": self.kid,
            "alg": "RS256",
            "use": "sig",
        }

    def jwk_set(self) -> dict[str, object]:
        return {"keys": [self.jwk()]}

    def certificates(self) -> dict[str, object]:
        return {self.kid: self.certificate}

    def sign(self, claims: dict[str, object], *, typ: str = "JWT") -> str:
        """Return these claims as a signed JWT.

        Uses `jwt.PyJWS`, because `jwt.encode` refuses some faulty claims.
        """
        payload = json.dumps(claims).encode()
        headers = {"kid": self.kid, "typ": typ}
        return jwt.PyJWS().encode(payload, self.private_key, "RS256", headers=headers)
