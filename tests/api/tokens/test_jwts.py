"""Test that every kind of wrong token is refused."""

import json
from datetime import timedelta
from unittest.mock import ANY

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.utils import timezone

from accounts.client_info import ClientInfo
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from api.keys import ring, rotation
from api.keys.models import SigningKey
from api.tokens import jwts
from tests.kit import forge
from tests.kit.clients import bearer
from tests.kit.factories import AuthSessionFactory, UserFactory
from tests.kit.problems import problem

YEAR_2100 = 4_102_444_800


@pytest.fixture
def knock(client, post):
    """Send one string to every place that accepts a token; return the answers by place."""

    def run(text):
        return {
            "me": client.get("/api/me/", headers=bearer(text)),
            "sessions": client.get("/api/sessions/", headers=bearer(text)),
            "refresh": post("/api/token/refresh/", {"refresh": text}),
            "verify": post("/api/token/verify/", {"token": text}),
            "headless refresh": post("/_allauth/app/v1/tokens/refresh", {"refresh_token": text}),
        }

    return run


def assert_refused(answers, *, refresh="invalid_token"):
    codes = dict.fromkeys(("me", "sessions", "verify"), "invalid_token") | {"refresh": refresh}
    for place, code in codes.items():
        assert answers[place].status_code == 401, place
        assert answers[place].json() == problem(401, code), place
        assert answers[place]["Content-Type"] == "application/problem+json", place
        assert answers[place]["Cache-Control"] == "no-store", place
    for place in ("me", "sessions"):
        assert answers[place]["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert answers["headless refresh"].status_code == 400


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_each_algorithm_signs_and_verifies(client, db, settings, algorithm):
    settings.SIGNING_ALGORITHM = algorithm
    rotation.create(active_at=timezone.now())
    session = AuthSessionFactory(token=True)

    access = jwts.pair(session)["access"]

    assert forge.part(access, 0)["alg"] == algorithm
    assert client.get("/api/me/", headers=bearer(access)).status_code == 200


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"])
def test_typ_is_compared_as_a_media_type(client, pair, typ):
    token = forge.changed(pair["access"], header={"typ": typ})

    response = client.get("/api/me/", headers=bearer(token))

    assert response.status_code == 200


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize(
    "typ",
    [
        "JWT",
        "jwt",
        "",
        None,
        "id+jwt",
        "dpop+jwt",
        "at+jwt ",
        "application/application/at+jwt",
        1,
        ["at+jwt"],
        "logout+jwt",
    ],
    ids=repr,
)
def test_another_typ_is_refused(knock, pair, kind, typ):
    token = forge.changed(pair[kind], header={"typ": typ})

    answers = knock(token)

    assert_refused(answers)


def test_a_token_without_typ_is_refused(knock, pair):
    header = forge.part(pair["access"], 0)
    header.pop("typ")

    answers = knock(forge.signed(header, forge.part(pair["access"], 1)))

    assert_refused(answers)


def test_a_refresh_token_is_refused_as_access_token(client, post, pair):
    response = client.get("/api/me/", headers=bearer(pair["refresh"]))
    verified = post("/api/token/verify/", {"token": pair["refresh"]})

    assert response.status_code == verified.status_code == 401
    assert response.json() == verified.json() | {"request_id": ANY} == problem(401, "invalid_token")


def test_an_access_token_is_refused_as_refresh_token(post, pair):
    response = post("/api/token/refresh/", {"refresh": pair["access"]})

    assert response.status_code == 401
    assert response.json() == problem(401, "invalid_token")


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None], ids=repr)
@pytest.mark.parametrize("signature", ["", "kept"])
def test_an_unsigned_token_is_refused(knock, pair, kind, alg, signature):
    header, payload, kept = pair[kind].split(".")
    header = forge.segment(forge.part(pair[kind], 0) | {"alg": alg})

    answers = knock(f"{header}.{payload}.{kept if signature else ''}")

    assert_refused(answers)


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_hmac_under_the_public_key_is_refused(knock, pair, kind):
    token = forge.hs256(pair[kind], SigningKey.objects.get().public_pem)

    answers = knock(token)

    assert_refused(answers)


@pytest.mark.parametrize("secret", ["", "tests" * 12, "secret"])
def test_hmac_under_a_known_secret_is_refused(knock, pair, secret):
    answers = knock(forge.hs256(pair["access"], secret))

    assert_refused(answers)


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_strangers_key_is_refused(knock, pair, kind):
    answers = knock(forge.by_a_stranger(pair[kind], ec.generate_private_key(ec.SECP256R1())))

    assert_refused(answers)


@pytest.mark.parametrize(
    ("algorithm", "private_key"),
    [
        ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
        ("RS256", rsa.generate_private_key(65537, 2048)),
        ("PS256", rsa.generate_private_key(65537, 2048)),
        ("ES384", ec.generate_private_key(ec.SECP384R1())),
    ],
    ids=["EdDSA", "RS256", "PS256", "ES384"],
)
def test_another_algorithm_than_the_keys_is_refused(knock, pair, algorithm, private_key):
    answers = knock(forge.by_a_stranger(pair["access"], private_key, algorithm))

    assert_refused(answers)


@pytest.mark.parametrize(
    "kid",
    [
        "unknown",
        "",
        None,
        1,
        ["a"],
        {"a": "b"},
        "../../../../dev/null",
        "/etc/passwd",
        "https://evil.example/key.pem",
        "' OR 1=1 --",
        "a\x00b",
        "\ud800",
        "k" * 2000,
    ],
    ids=repr,
)
def test_an_unknown_kid_is_refused(knock, pair, kid):
    header = forge.part(pair["access"], 0) | {"kid": kid}

    answers = knock(forge.signed(header, forge.part(pair["access"], 1)))

    assert_refused(answers)


def test_an_unknown_kid_costs_no_query(pair, django_assert_num_queries):
    token = forge.changed(pair["access"], header={"kid": "unknown"})

    with django_assert_num_queries(0), pytest.raises(jwts.TokenError):
        jwts.AccessJWT(token)


@pytest.mark.parametrize("name", ["jku", "x5u"])
def test_a_key_url_in_the_token_is_never_fetched(knock, pair, name):
    stranger = ec.generate_private_key(ec.SECP256R1())
    token = forge.by_a_stranger(pair["access"], stranger, **{name: "http://127.0.0.1:9/jwks.json"})

    answers = knock(token)

    assert_refused(answers)


def test_a_key_inside_the_token_is_never_used(knock, pair):
    stranger = ec.generate_private_key(ec.SECP256R1())
    jwk = ring.get_default_algorithms()["ES256"].to_jwk(stranger.public_key(), as_dict=True)
    token = forge.by_a_stranger(pair["access"], stranger, jwk=jwk, x5c=["MIIB"])

    answers = knock(token)

    assert_refused(answers)


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], ["http://x"], "exp", None], ids=repr)
def test_every_crit_header_is_refused(knock, pair, crit):
    answers = knock(forge.changed(pair["access"], header={"crit": crit, "b64": True}))

    assert_refused(answers)


def test_an_unencoded_payload_is_refused(knock, pair):
    answers = knock(forge.changed(pair["access"], header={"b64": False}))

    assert_refused(answers)


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("name", ["iss", "aud", "exp", "iat", "jti", "sid", "sub"])
def test_a_missing_claim_is_refused(knock, pair, kind, name):
    answers = knock(forge.changed(pair[kind], without=[name]))

    assert_refused(answers)


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": "http://testserver/"},
        {"iss": ["http://testserver"]},
        {"iss": None},
        {"aud": "https://other.example"},
        {"aud": "http://testserver/"},
        {"aud": []},
        {"aud": None},
        {"iat": YEAR_2100},
        {"iat": "soon"},
        {"iat": None},
        {"exp": None},
        {"exp": "never"},
        {"exp": [1]},
        {"nbf": YEAR_2100},
        {"jti": None},
        {"jti": 1},
        {"sid": "x"},
        {"sid": None},
        {"sid": 1},
        {"sid": ["x"]},
        {"sub": None},
        {"sub": 1},
    ],
    ids=repr,
)
def test_a_wrong_claim_is_refused(knock, pair, kind, claims):
    answers = knock(forge.changed(pair[kind], payload=claims))

    assert_refused(answers)


@pytest.mark.parametrize("exp", [1_700_000_000, 0, -1])
def test_an_expired_token_is_refused(knock, pair, exp):
    access, refresh = (
        knock(forge.changed(pair[kind], payload={"exp": exp})) for kind in ("access", "refresh")
    )

    assert_refused(access)
    assert_refused(refresh, refresh="refresh_expired")


@pytest.mark.parametrize("exp", [10**400, 1e308, 10**12, 253402300800])
def test_a_huge_exp_is_no_server_error(client, post, pair, exp):
    token = forge.changed(pair["refresh"], payload={"exp": exp})

    response = post("/api/token/refresh/", {"refresh": token})

    assert response.status_code in {200, 401}


def test_an_access_token_of_an_unknown_user_is_refused(client, pair):
    token = forge.changed(pair["access"], payload={"sub": "00000000-0000-4000-8000-000000000000"})

    response = client.get("/api/me/", headers=bearer(token))

    assert response.status_code == 401
    assert response.json() == problem(401, "invalid_token")


def test_a_refresh_token_of_an_unknown_sign_in_is_refused(post, pair):
    nowhere = "00000000-0000-4000-8000-000000000000"
    token = forge.changed(pair["refresh"], payload={"sid": nowhere})

    response = post("/api/token/refresh/", {"refresh": token})

    assert response.status_code == 401
    assert response.json() == problem(401, "invalid_token")


def test_a_refresh_token_of_another_users_sign_in_is_refused(post, pair):
    token = forge.changed(pair["refresh"], payload={"sub": str(UserFactory().pk)})

    response = post("/api/token/refresh/", {"refresh": token})

    assert response.status_code == 401


@pytest.mark.parametrize("index", [0, 1], ids=["header", "payload"])
def test_a_member_named_twice_is_refused(knock, pair, index):
    header, payload = (json.dumps(forge.part(pair["access"], n)) for n in (0, 1))
    name = ["typ", "sub"][index]
    doubled = '{"%s": "at+jwt", %s' % (name, [header, payload][index][1:])
    parts = [
        doubled.encode() if n == index else text.encode()
        for n, text in enumerate([header, payload])
    ]

    answers = knock(forge.signed(*parts))

    assert_refused(answers)


@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"[]", b"1", b'"x"', b"{", b"\xff\xfe", b"[" * 2500, b'{"a":' * 500],
    ids=repr,
)
def test_a_payload_that_is_not_an_object_is_refused(knock, pair, payload):
    answers = knock(forge.signed(forge.part(pair["access"], 0), payload))

    assert_refused(answers)


@pytest.mark.parametrize(
    "form",
    [
        "{0}.{1}",
        "{0}.{1}.",
        ".{1}.{2}",
        "{0}..{2}",
        "{0}.{1}.{2}.",
        "{0}.{1}.{2}.{2}.{2}",
        "{0}.{1}.{2}=",
        "{0}==.{1}.{2}",
        "{0} .{1}.{2}",
        "{0}.{1}.{2}a",
        "{0}.{1}. {2}",
        "{0}.\t{1}.{2}",
        "{0}.{1}.{2}é",
        "{0}.{1}.{2}\u200b",
        "{0}/{1}/{2}",
        "..",
        ".",
        "x",
        "null",
        "undefined",
        '"{0}.{1}.{2}"',
    ],
)
def test_any_other_form_than_the_compact_one_is_refused(client, post, pair, form):
    token = form.format(*pair["access"].split("."))

    verified = post("/api/token/verify/", {"token": token})
    response = client.get(
        "/api/me/", headers={"authorization": f"Bearer {token}".encode().decode("latin-1")}
    )

    assert verified.status_code == response.status_code == 401
    assert response.json() == problem(401, "invalid_token")


@pytest.mark.parametrize("form", [" {}", "{} ", "{}\n", "\t{}", "{}\r\n"])
@pytest.mark.parametrize(
    ("path", "name", "kind"), [("verify", "token", "access"), ("refresh", "refresh", "refresh")]
)
def test_a_token_with_whitespace_is_refused(post, pair, form, path, name, kind):
    response = post(f"/api/token/{path}/", {name: form.format(pair[kind])})

    assert response.status_code in {400, 401}


def test_changed_last_bits_of_a_signature_revive_no_token(client, pair):
    head, signature = pair["access"].rsplit(".", 1)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = alphabet[alphabet.index(signature[-1]) ^ 1]

    response = client.get("/api/me/", headers=bearer(f"{head}.{signature[:-1]}{other}"))

    assert response.status_code in {200, 401}
    AuthSession.objects.update(revoked_at=timezone.now(), revoked_reason="logout")
    again = client.get("/api/me/", headers=bearer(f"{head}.{signature[:-1]}{other}"))
    assert again.status_code == 401


@pytest.mark.parametrize("size", [4097, 60_000])
def test_an_oversized_token_is_refused_before_it_is_parsed(client, post, pair, size):
    token = forge.changed(pair["access"], payload={"padding": "x" * size})

    response = client.get("/api/me/", headers=bearer(token))
    verified = post("/api/token/verify/", {"token": token})

    assert response.status_code == 401
    assert verified.status_code in {400, 401, 413}


def test_a_megabyte_in_the_header_is_refused(client, db):
    response = client.get("/api/me/", headers=bearer("a" * 1_000_000))

    assert response.status_code == 401


def test_a_deleted_users_tokens_are_refused(knock, pair, user):
    user.delete()

    answers = knock(pair["access"]) | {"refresh": knock(pair["refresh"])["refresh"]}

    assert_refused(answers, refresh="session_ended")


def test_a_disabled_users_tokens_are_refused(knock, pair, user):
    user.is_active = False
    user.save()

    answers = knock(pair["access"]) | {"refresh": knock(pair["refresh"])["refresh"]}

    assert_refused(answers, refresh="session_ended")


def test_a_user_disabled_by_sql_neither_reads_the_account_nor_refreshes(knock, pair, user):
    type(user).objects.filter(pk=user.pk).update(is_active=False)

    assert knock(pair["access"])["me"].status_code == 401
    assert knock(pair["refresh"])["refresh"].status_code == 401


def test_a_revoked_sign_ins_tokens_are_refused(knock, pair):
    sessions.revoke(AuthSession.objects.get(), reason=sessions.Reason.ADMIN)

    answers = knock(pair["access"]) | {"refresh": knock(pair["refresh"])["refresh"]}

    assert_refused(answers, refresh="session_ended")


def test_enabling_an_account_again_does_not_restore_its_tokens(knock, pair, user):
    user.is_active = False
    user.save()
    user.is_active = True
    user.save()

    answers = knock(pair["access"]) | {"refresh": knock(pair["refresh"])["refresh"]}

    assert_refused(answers, refresh="session_ended")


def test_an_expired_sign_in_gets_no_new_tokens(knock, pair):
    AuthSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    answers = knock(pair["refresh"])

    assert answers["refresh"].status_code == 401
    assert answers["headless refresh"].status_code == 400


def test_an_access_token_expires_after_one_hour(client, pair):
    with time_machine.travel(timezone.now() + timedelta(seconds=3600 + jwts.LEEWAY_SECONDS + 1)):
        response = client.get("/api/me/", headers=bearer(pair["access"]))

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_a_refresh_token_expires_after_14_days(post, pair):
    with time_machine.travel(timezone.now() + timedelta(days=14, seconds=jwts.LEEWAY_SECONDS + 1)):
        response = post("/api/token/refresh/", {"refresh": pair["refresh"]})

    assert response.status_code == 401
    assert AuthSession.objects.get().revoked_at is None


def test_a_browsers_sign_in_gets_no_token_pair(db, user):
    session = sessions.open(user, kind=sessions.Kind.BROWSER, client=ClientInfo(), amr=[])

    with pytest.raises(AssertionError):
        jwts.pair(session)


def test_a_retired_keys_tokens_are_refused(knock, pair):
    SigningKey.objects.update(retired_at=timezone.now())
    ring.forget()

    answers = knock(pair["access"]) | {"refresh": knock(pair["refresh"])["refresh"]}

    assert_refused(answers)


def test_tokens_of_an_older_key_stay_valid_when_a_new_key_signs(client, pair, settings):
    settings.SIGNING_ALGORITHM = "EdDSA"
    rotation.create(active_at=timezone.now())

    response = client.get("/api/me/", headers=bearer(pair["access"]))

    assert response.status_code == 200


def test_a_remembered_token_is_refused_after_its_key_retires(client, user, obtain):
    access = obtain(user)["access"]
    assert client.get("/api/me/", headers=bearer(access)).status_code == 200

    rotation.retire(ring.current().kid)

    assert client.get("/api/me/", headers=bearer(access)).status_code == 401


def test_a_shorter_lifetime_also_applies_to_older_tokens(client, user, obtain, settings):
    access = obtain(user)["access"]

    settings.ACCESS_TOKEN_LIFETIME = timedelta(seconds=-jwts.LEEWAY_SECONDS - 1)

    assert client.get("/api/me/", headers=bearer(access)).status_code == 401


def test_a_request_cannot_change_the_claims_of_the_next_one(user, obtain):
    access = obtain(user)["access"]
    jwts.AccessJWT(access).payload["scope"] = "admin"

    assert jwts.AccessJWT(access)["scope"] == ""
