"""Attack the door of `/events`: only a sign-in that is active now gets a stream."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError
from django_redis import get_redis_connection

from accounts.live import tickets, visitors
from accounts.signins import revocations, sessions
from accounts.signins.models import AuthSession
from accounts.store import engine, index
from tests.kit.tabs import Tab, apart


def refusal(live, **request):
    """Return the status and the code of the refusal of this request."""
    found = []

    async def story():
        async with Tab(**request) as tab:
            found.append((tab.status, tab.code))
            assert b"retry:" not in tab.body

    live(story)
    return found[0]


def test_no_credential_gets_401(live):
    assert refusal(live) == (401, "not_authenticated")


@pytest.mark.parametrize("cookie", ["a" * 32, "short", '"', "é" * 32])
def test_an_unknown_cookie_gets_401(live, cookie):
    assert refusal(live, cookie=cookie) == (401, "session_ended")


def test_the_cookie_of_an_ended_sign_in_gets_401(live, user, cookie_of):
    cookie = cookie_of(user)
    sessions.revoke(AuthSession.objects.get(), reason=sessions.Reason.ADMIN)
    assert refusal(live, cookie=cookie) == (401, "session_ended")


def test_the_row_counts_if_its_deletion_never_reached_redis(live, user, cookie_of, monkeypatch):
    """Nor this process."""
    monkeypatch.setattr(revocations, "is_revoked", lambda sid: False)
    cookie = cookie_of(user)
    row = AuthSession.objects.filter(user=user)
    row.update(revoked_at=row.get().created_at, revoked_reason="admin")
    assert refusal(live, cookie=cookie) == (401, "session_ended")


def test_the_cookie_of_a_disabled_user_gets_401(live, user, cookie_of):
    cookie = cookie_of(user)
    type(user).objects.filter(pk=user.pk).update(is_active=False)
    assert refusal(live, cookie=cookie) == (401, "session_ended")


def test_the_cookie_of_former_rights_gets_401(live, user, cookie_of):
    cookie = cookie_of(user)
    type(user).objects.filter(pk=user.pk).update(is_staff=True)
    assert refusal(live, cookie=cookie) == (401, "session_ended")


def test_a_session_before_its_second_step_gets_401(live, transactional_db):
    session = engine.SessionStore()
    session["account_login"] = {"stage": "mfa_authenticate"}
    session.create()
    session.save()
    assert refusal(live, cookie=session.session_key) == (401, "session_ended")


def test_a_stream_never_extends_the_idle_time(live, user, cookie_of, settings):
    cookie = cookie_of(user)
    sid = AuthSession.objects.get().pk
    redis = get_redis_connection("sessions")
    redis.expire(index.name_of(cookie), 100)  # long past the time at which a page would extend it
    seen = AuthSession.objects.get().last_seen_at

    async def story():
        async with Tab(cookie=cookie):
            visitor = await apart(visitors.check, sid)
            assert visitor.seconds_left <= 100

    live(story)

    assert redis.ttl(index.name_of(cookie)) <= 100
    assert AuthSession.objects.get().last_seen_at == seen


# Tickets


def test_a_ticket_opens_one_stream_only(live, pair, ticket_of):
    ticket = ticket_of(pair)

    async def story():
        async with Tab(ticket=ticket) as tab:
            assert tab.status == 200
            async with Tab(ticket=ticket) as again:
                assert (again.status, again.code) == (401, "invalid_token")

    live(story)


def test_a_ticket_gets_the_events_of_its_own_sign_in_only(
    live, pair, ticket_of, admin_user, cookie_of
):
    """Somebody else's cookie beside it changes nothing."""
    anothers = cookie_of(admin_user)
    session = AuthSession.objects.get(pk=pair["sid"])
    other = AuthSession.objects.get(user=admin_user)
    ticket = ticket_of(pair)

    async def story():
        async with Tab(ticket=ticket, cookie=anothers) as tab:
            await apart(sessions.revoke, other, reason=sessions.Reason.ADMIN)
            await apart(sessions.revoke, session, reason=sessions.Reason.ADMIN)
            await tab.until(lambda: tab.is_over)
            assert [data["sid"] for _, data in tab.events] == [pair["sid"]]

    live(story)


def test_a_bad_ticket_does_not_fall_back_to_the_cookie(live, user, cookie_of):
    assert refusal(live, ticket="x" * 43, cookie=cookie_of(user)) == (401, "invalid_token")


def test_an_expired_ticket_gets_401(live, pair, ticket_of, monkeypatch):
    monkeypatch.setattr(tickets, "SECONDS", 1)
    ticket = ticket_of(pair)
    time.sleep(1.1)
    assert refusal(live, ticket=ticket) == (401, "invalid_token")


@pytest.mark.parametrize("ticket", ["", "x" * 65, "é", "\0"])
def test_a_made_up_ticket_gets_401(live, ticket):
    assert refusal(live, ticket=ticket or "?") == (401, "invalid_token")


def test_a_ticket_of_an_ended_sign_in_gets_401(live, pair, ticket_of):
    ticket = ticket_of(pair)
    sessions.revoke(AuthSession.objects.get(), reason=sessions.Reason.ADMIN)
    assert refusal(live, ticket=ticket) == (401, "invalid_token")


def test_a_ticket_of_a_disabled_user_gets_401(live, pair, user, ticket_of):
    ticket = ticket_of(pair)
    type(user).objects.filter(pk=user.pk).update(is_active=False)
    assert refusal(live, ticket=ticket) == (401, "invalid_token")


def test_redis_holds_no_usable_ticket_and_none_can_be_copied(live, pair, ticket_of):
    ticket = ticket_of(pair)
    redis = get_redis_connection("default")
    [name] = redis.keys("*event-ticket*")
    assert ticket.encode() not in name + redis.get(name)
    another = "x" * 43
    redis.set(tickets._name_of(another), redis.get(name))
    assert refusal(live, ticket=another) == (401, "invalid_token")


def test_two_requests_at_once_spend_a_ticket_once(live, pair, ticket_of):
    ticket = ticket_of(pair)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: tickets.spend(ticket), range(8)))
    assert sum(each is not None for each in found) == 1


# Outages


def test_a_database_that_fails_gets_503(live, user, cookie_of, monkeypatch):
    def fail(key):
        raise DatabaseError

    monkeypatch.setattr(visitors, "by_cookie", fail)
    assert refusal(live, cookie=cookie_of(user)) == (503, "store_unavailable")
