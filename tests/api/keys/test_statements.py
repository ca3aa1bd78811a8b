"""Sign statements with the keys of the site. None is a token, and no token is one."""

import pytest

from api.keys import ring, statements
from api.tokens import jwts
from tests.kit.factories import AuthSessionFactory

pytestmark = pytest.mark.django_db
CLAIMS = {"number": 1, "kind": "end"}


def test_a_statement_is_read_back():
    signer = statements.KeySigner()

    assert signer.reader()(signer.sign(CLAIMS)) == CLAIMS


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
def test_keys_of_each_algorithm_sign(settings, algorithm):
    settings.SIGNING_ALGORITHM = algorithm
    statements.SigningKey.objects.all().delete()
    ring.forget()
    signer = statements.KeySigner()

    assert signer.reader()(signer.sign(CLAIMS)) == CLAIMS


@pytest.mark.parametrize("text", ["", "e30", "e30.e30.", "eyJhbGciOiJub25lIn0.e30.", "ä.ö.ü", "{}"])
def test_what_is_no_jws_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - any of its texts
        statements.KeySigner().reader()(text)


def test_an_access_token_is_no_statement():
    access = jwts.pair(AuthSessionFactory(token=True))["access"]

    with pytest.raises(ValueError, match="no checkpoint"):
        statements.KeySigner().reader()(access)


def test_a_statement_is_no_access_token(client):
    statement = statements.KeySigner().sign({"sub": "x", "sid": "y", "exp": 9999999999})

    answer = client.get("/api/me/", HTTP_AUTHORIZATION=f"Bearer {statement}")

    assert answer.status_code == 401
