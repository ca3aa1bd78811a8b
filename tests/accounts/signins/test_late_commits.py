"""An end whose transaction commits long after its statement is not missed."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.bell import bell
from accounts.signins import revocations
from accounts.signins.models import AuthSession
from tests.kit.factories import AuthSessionFactory


@pytest.mark.django_db(transaction=True)
def test_an_end_that_commits_late_is_seen_without_the_bell(monkeypatch):
    monkeypatch.setattr(revocations, "LOOK_BACK", timedelta(0))
    session = AuthSessionFactory()
    written, polled = threading.Event(), threading.Event()

    def end_slowly():
        try:
            with transaction.atomic():
                AuthSession.objects.get(pk=session.pk)  # begins the transaction
                AuthSession.objects.filter(pk=session.pk).update(
                    revoked_at=timezone.now(), revoked_reason="admin"
                )
                written.set()
                assert polled.wait(20)
        finally:
            connection.close()

    feed = revocations.Feed(bell, background=False)
    thread = threading.Thread(target=end_slowly)
    thread.start()
    assert written.wait(20)
    try:
        assert not feed.is_revoked(session.pk)
        assert not feed.is_revoked(session.pk)
    finally:
        polled.set()
        thread.join(20)

    assert feed.is_revoked(session.pk)
