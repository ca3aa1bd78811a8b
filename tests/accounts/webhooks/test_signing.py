"""The library of Standard Webhooks accepts our signatures, and refuses all others."""

import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from accounts.webhooks import signing

BODY = '{"type":"session.revoked","data":{"name":"김"}}'


def signed(*keys, at=None, body=BODY):
    return signing.headers("msg_1", timestamp=at or int(time.time()), body=body.encode(), keys=keys)


def test_the_library_accepts_our_signature():
    secret = signing.fresh_secret()

    assert Webhook(secret).verify(BODY, signed(secret))["type"] == "session.revoked"


def test_during_a_rotation_both_secrets_verify():
    fresh, former = signing.fresh_secret(), signing.fresh_secret()
    headers = signed(fresh, former)

    for secret in (fresh, former):
        assert Webhook(secret).verify(BODY, headers)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(int(time.time()) - 600)},
        {"webhook-timestamp": str(int(time.time()) + 60)},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
    ],
)
def test_the_library_refuses_changed_headers(change):
    secret = signing.fresh_secret()

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, signed(secret, at=int(time.time()) - 5) | change)


def test_the_library_refuses_another_secret_or_body_or_an_old_signature():
    secret = signing.fresh_secret()
    cases = [
        (signing.fresh_secret(), BODY, signed(secret)),
        (secret, BODY.replace("revoked", "opened"), signed(secret)),
        (secret, BODY, signed(secret, at=int(time.time()) - 301)),
    ]

    for key, body, headers in cases:
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(body, headers)


def test_secrets_are_random_and_long():
    first, second = signing.fresh_secret(), signing.fresh_secret()

    assert first != second
    assert first.startswith("whsec_")
    assert len(first) == len("whsec_") + 44
