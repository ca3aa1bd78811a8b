"""`manage.py signing_keys`: list, rotate, retire."""

import json
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.client_info import ClientInfo
from accounts.signins import sessions
from api.keys import jwk, ring, rotation
from api.keys.models import SigningKey
from api.tokens import jwts
from tests.kit.clients import bearer
from tests.kit.factories import UserFactory


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def first(db):
    """Return the key that the migration made, one day old."""
    SigningKey.objects.update(active_at=timezone.now() - timedelta(days=1))
    ring.forget()
    return SigningKey.objects.get()


def opened():
    return sessions.open(UserFactory(), kind=sessions.Kind.TOKEN, client=ClientInfo(), amr=["pwd"])


def command(*arguments):
    out = StringIO()
    call_command("signing_keys", *arguments, stdout=out)
    return out.getvalue()


def test_list_shows_the_state_of_each_key(first, clock):
    following = rotation.rotate()
    gone = rotation.create(active_at=timezone.now() - timedelta(days=100))
    rotation.retire(gone.kid)
    expired = rotation.create(active_at=timezone.now() - timedelta(days=300))
    older = rotation.create(active_at=timezone.now() - timedelta(days=20))

    listed = {row["kid"]: row["state"] for row in json.loads(command("list", "--json"))}

    assert listed == {
        first.kid: "signing",
        following.kid: "next",
        gone.kid: "retired",
        expired.kid: "expired",
        older.kid: "verifying",
    }
    text = command("list")
    assert len(text.splitlines()) == 5
    for kid, state in listed.items():
        assert any(kid in line and state in line for line in text.splitlines())


def test_list_shows_no_secret(first):
    for text in (command("list"), command("list", "--json")):
        assert "PRIVATE" not in text
        assert first.private_pem not in text
    assert set(json.loads(command("list", "--json"))[0]) == {
        "kid",
        "algorithm",
        "state",
        "active_at",
    }


def test_rotate_publishes_the_next_key(first):
    text = command("rotate")

    new = SigningKey.objects.exclude(pk=first.kid).get()
    assert new.kid in text
    assert "3600 s" in text
    assert new.active_at > timezone.now()


def test_rotate_now_signs_with_the_new_key(first):
    command("rotate", "--now")

    assert ring.current().kid != first.kid


@pytest.mark.parametrize("arguments", [["rotate"], ["rotate", "--now"]])
def test_a_dry_rotation_changes_nothing(first, arguments):
    text = command(*arguments, "--dry-run")

    assert "Would publish" in text
    assert SigningKey.objects.get() == first


def test_rotating_twice_is_an_error_that_names_the_list_command(first):
    command("rotate")

    with pytest.raises(CommandError, match="signing_keys list"):
        command("rotate")


def test_a_new_kid_never_looks_like_an_option(monkeypatch):
    drawn = iter(["-ghp66gJG3GLH", "--dry-run", "ghp66gJG3GLH-"])
    monkeypatch.setattr(jwk, "thumbprint", lambda *args: next(drawn))

    assert jwk.generate("ES256").kid == "ghp66gJG3GLH-"


def test_retire_accepts_a_kid_that_looks_like_an_option(first):
    SigningKey.objects.update(kid="-ghp66gJG3GLH")

    assert "Retired -ghp66gJG3GLH." in command("retire", "--", "-ghp66gJG3GLH")


def test_retire_refuses_the_keys_tokens(client, first):
    access = jwts.pair(opened())["access"]

    text = command("retire", first.kid)

    assert first.kid in text
    assert client.get("/api/sessions/", headers=bearer(access)).status_code == 401


def test_a_dry_retirement_changes_nothing(first):
    text = command("retire", first.kid, "--dry-run")

    assert "Would retire" in text
    assert SigningKey.objects.get().retired_at is None


@pytest.mark.parametrize("kid", ["unknown", "", "x' OR 1=1"])
def test_retiring_an_unknown_key_is_an_error(first, kid):
    with pytest.raises(CommandError, match="No live key"):
        command("retire", kid)

    assert SigningKey.objects.get().retired_at is None


def test_retiring_twice_is_an_error(first):
    command("retire", first.kid)

    with pytest.raises(CommandError, match="No live key"):
        command("retire", first.kid)


def test_the_command_needs_an_action(db):
    with pytest.raises(CommandError):
        command()
