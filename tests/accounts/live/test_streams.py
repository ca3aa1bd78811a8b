"""Test what the streams of one process write, and when they end."""

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.audit import trail
from accounts.audit.vocabulary import EventType
from accounts.bell import Topic, bell
from accounts.live import hub, streams
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from api import events
from tests.kit.clients import open_browser
from tests.kit.tabs import Tab, apart

OTHER = sessions.Reason.OTHER_DEVICE


def sid_of(user):
    return AuthSession.objects.for_user(user.pk).active().latest("created_at")


def ended(session, reason=OTHER, *, current):
    return (
        "session.ended",
        {"sid": str(session.pk), "reason": str(reason), "current": current},
    )


def test_an_end_is_told_with_its_reason_and_ends_the_stream(live, user, cookie_of):
    cookie = cookie_of(user)
    session = sid_of(user)

    async def story():
        async with Tab(cookie=cookie) as tab:
            assert (tab.status, tab.events) == (200, [])
            await apart(sessions.revoke, session, reason=OTHER)
            await tab.until(lambda: tab.is_over)
            assert tab.events == [ended(session, current=True)]

    live(story)


def test_other_streams_of_the_user_learn_of_the_end_and_stay(live, user, cookie_of):
    ends = cookie_of(user)
    session = sid_of(user)
    stays = cookie_of(user)

    async def story():
        async with Tab(cookie=ends) as one, Tab(cookie=stays) as other:
            await apart(sessions.revoke, session, reason=OTHER)
            await other.until(lambda: other.events)
            assert other.events == [ended(session, current=False)]
            assert (one.is_over, other.is_over) == (True, False)

    live(story)


def test_a_new_sign_in_is_told_to_its_user_only(live, user, admin_user, cookie_of, browser):
    mine, anothers = cookie_of(user), cookie_of(admin_user)

    async def story():
        async with Tab(cookie=mine) as tab, Tab(cookie=anothers) as other:
            await apart(open_browser, browser, user)
            await tab.until(lambda: tab.events)
            opened = await apart(sid_of, user)
            assert tab.events == [("session.opened", {"sid": str(opened.pk)})]
            assert other.events == []

    live(story)


def test_any_event_of_the_account_is_told_to_its_user_only(live, user, admin_user, cookie_of):
    mine, anothers = cookie_of(user), cookie_of(admin_user)

    async def story():
        async with Tab(cookie=mine) as tab, Tab(cookie=anothers) as other:
            await apart(trail.record, EventType.FACTOR_ADDED, user=user)
            await tab.until(lambda: tab.events)
            assert tab.events == [("activity", {})]
            assert other.events == []

    live(story)


def test_an_event_that_is_rolled_back_is_not_told(live, user, cookie_of):
    cookie = cookie_of(user)

    def fail():
        with suppress(ZeroDivisionError), transaction.atomic():
            trail.record(EventType.FACTOR_ADDED, user=user)
            raise ZeroDivisionError

    async def story():
        async with Tab(cookie=cookie) as tab:
            await apart(fail)
            await apart(trail.record, EventType.NAME_CHANGED, user=user)
            await tab.until(lambda: tab.events)
            assert tab.events == [("activity", {})]

    live(story)


def test_a_lost_message_is_found_at_the_next_poll(live, user, cookie_of):
    cookie = cookie_of(user)
    session = sid_of(user)

    async def story():
        async with Tab(cookie=cookie) as tab:
            row = AuthSession.objects.filter(pk=session.pk)
            await apart(row.update, revoked_at=session.created_at, revoked_reason="admin")
            await apart(events.watch._on_tick)
            await tab.until(lambda: tab.is_over)
            assert tab.events == [ended(session, "admin", current=True)]

    live(story)


def test_a_lost_connection_to_the_bell_makes_all_streams_look_again(live, user, cookie_of):
    cookie = cookie_of(user)

    async def story():
        async with Tab(cookie=cookie) as tab:
            events.watch._on_connect()
            await apart(events.watch._on_tick)
            await tab.until(lambda: tab.events)
            assert tab.events == [("resync", {})]

    live(story)


def test_an_idle_stream_gets_a_heartbeat(live, user, cookie_of, monkeypatch):
    monkeypatch.setattr(hub, "HEARTBEAT_SECONDS", 0.01)
    cookie = cookie_of(user)

    async def story():
        async with Tab(cookie=cookie) as tab:
            await tab.until(lambda: b"\n\n:\n\n:\n\n" in tab.body)

    live(story)


def test_one_timer_sends_the_heartbeats_of_all_streams(
    live, user, cookie_of, settings, monkeypatch
):
    monkeypatch.setattr(hub, "HEARTBEAT_SECONDS", 3.0)
    monkeypatch.setattr(hub, "BATCH", 2)
    settings.EVENTS_PER_USER = 7
    cookie = cookie_of(user)

    async def story():
        async with AsyncExitStack() as stack:
            tabs = [await stack.enter_async_context(Tab(cookie=cookie)) for _ in range(7)]
            open_streams = events.hub._all()
            assert [stream.timer for stream in open_streams] == [None] * 7
            assert not any(b"\n\n:\n\n" in tab.body for tab in tabs)
            for tab in tabs:
                await tab.until(lambda tab=tab: b"\n\n:\n\n" in tab.body)
            assert [stream.timer for stream in open_streams] == [None] * 7

    live(story)


def test_no_heartbeat_is_planned_without_streams(live, user, cookie_of, monkeypatch):
    monkeypatch.setattr(hub, "HEARTBEAT_SECONDS", 0.05)
    cookie = cookie_of(user)

    async def story():
        for _ in range(2):  # the second stream finds the timer off
            async with Tab(cookie=cookie) as tab:
                await tab.until(lambda tab=tab: b"\n\n:\n\n" in tab.body)
            await asyncio.sleep(0.2)
            assert events.hub._timer is None

    live(story)


def test_a_stream_ends_with_the_idle_time_and_does_not_extend_it(
    live, user, cookie_of, settings, monkeypatch
):
    monkeypatch.setattr(hub, "CHECK_SLACK_SECONDS", 0.05)
    settings.SESSION_SHORT_IDLE_SECONDS = 2  # the stream must be open before
    cookie = cookie_of(user)

    async def story():
        async with Tab(cookie=cookie) as tab:
            await tab.until(lambda: tab.is_over)
            assert tab.events == [ended(await apart(sid_of, user), "expired", current=True)]

    live(story)


def test_a_stream_of_an_app_ends_with_its_refresh_token(live, pair, ticket_of, monkeypatch):
    monkeypatch.setattr(hub, "CHECK_SLACK_SECONDS", 0.05)
    row = AuthSession.objects.filter(pk=pair["sid"])
    row.update(refresh_expires_at=timezone.now() + timedelta(seconds=2))
    ticket = ticket_of(pair)

    async def story():
        async with Tab(ticket=ticket) as tab:
            await tab.until(lambda: tab.is_over)
            assert tab.events[-1][1]["reason"] == "expired"

    live(story)


def test_a_user_who_is_disabled_without_a_signal_is_checked(live, user, cookie_of):
    cookie = cookie_of(user)
    session = sid_of(user)

    async def story():
        async with Tab(cookie=cookie) as tab:
            await apart(type(user).objects.filter(pk=user.pk).update, is_active=False)
            await apart(bell.publish, Topic.USERS, [user.pk])
            await tab.until(lambda: tab.is_over)
            assert tab.events == [ended(session, "deactivated", current=True)]

    live(story)


def test_a_check_says_the_reason_of_the_row(live, user, cookie_of):
    """The message of the end may come after that of a changed user."""
    cookie = cookie_of(user)
    session = sid_of(user)
    row = AuthSession.objects.filter(pk=session.pk)

    async def story():
        async with Tab(cookie=cookie) as tab:
            await apart(row.update, revoked_at=session.created_at, revoked_reason="admin")
            await apart(bell.publish, Topic.USERS, [user.pk])
            await tab.until(lambda: tab.is_over)
            assert tab.events == [ended(session, "admin", current=True)]

    live(story)


def test_an_error_in_a_check_ends_the_stream_without_an_end(live, user, cookie_of, monkeypatch):
    cookie = cookie_of(user)

    def fail(sid):
        raise ConnectionError

    monkeypatch.setattr(events.hub, "_recheck", fail)

    async def story():
        async with Tab(cookie=cookie) as tab:
            await apart(bell.publish, Topic.USERS, [user.pk])
            await tab.until(lambda: tab.is_over)
            assert tab.events == []

    live(story)


def test_a_slow_reader_gets_resync_and_loses_its_stream(live, user, cookie_of):
    cookie = cookie_of(user)

    async def story():
        async with Tab(cookie=cookie) as tab:
            tab.may_write.clear()
            for _ in range(10 * streams.MAX_WAITING):
                events.hub.opened(uuid4(), user.pk)
                await asyncio.sleep(0)
            [stream] = events.hub._all()
            assert len(stream._waiting) <= streams.MAX_WAITING
            tab.may_write.set()
            await tab.until(lambda: tab.is_over)
            assert tab.events[-1] == ("resync", {})

    live(story)


def test_an_end_between_the_check_and_the_stream_is_not_lost(live, user, cookie_of, monkeypatch):
    cookie = cookie_of(user)
    session = sid_of(user)
    real = events.hub.add

    def add(visitor, send):
        sessions_ended.append(visitor)
        return real(visitor, send)

    sessions_ended = []
    find = events.visitors.by_cookie

    def late(key):
        visitor = find(key)
        sessions.revoke(session, reason=OTHER)  # after the check, before the stream is known
        return visitor

    monkeypatch.setattr(events.visitors, "by_cookie", late)
    monkeypatch.setattr(events.hub, "add", add)

    async def story():
        async with Tab(cookie=cookie) as tab:
            assert sessions_ended
            assert (tab.status, tab.code) == (401, "session_ended")

    live(story)


def test_a_stop_ends_all_streams_and_refuses_new_ones(live, user, cookie_of):
    cookie = cookie_of(user)

    async def story():
        async with Tab(cookie=cookie) as tab:
            events.hub.stop()
            await tab.until(lambda: tab.is_over)
            assert tab.events == []
            async with Tab(cookie=cookie) as late:
                assert (late.status, late.code) == (503, "store_unavailable")

    live(story)


@pytest.mark.parametrize("value", ["\n\nevent: session.ended", "\r", "\u2028"])
def test_no_value_can_begin_another_event(value):
    text = streams.message("session.ended", reason=value).decode()
    assert text.count("\n") == 3
    assert "\r" not in text
