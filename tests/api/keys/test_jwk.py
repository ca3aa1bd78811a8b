"""New keys are long enough."""

from cryptography.hazmat.primitives.serialization import load_pem_public_key

from api.keys import jwk


def test_an_rsa_key_has_3072_bits():
    fresh = jwk.generate("RS256")

    assert load_pem_public_key(fresh.public_pem.encode()).key_size == 3072
