"""Tell the provider that a connection has ended here, from the worker, and retry until it answers.

The job is written in the transaction that removes the connection. The outbox encrypts its payload
and deletes it afterwards.
"""

import logging
from datetime import timedelta

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount, SocialApp
from typing_extensions import override

from accounts.federation.errors import ProviderError
from accounts.federation.providers.base import StrictProvider, UnlinksBy
from accounts.outbox import jobs
from accounts.outbox.jobs import Payload

KIND = "unlink"

log = logging.getLogger(__name__)


def removed(account: SocialAccount) -> None:
    """Queue the message to the provider. Call before a connection is deleted, for any reason.

    Queues nothing if the provider accepts no such message, or accepts it only with the user's own
    token, which we do not keep.
    """
    try:
        unlinks_by = _provider(account.provider).unlinks_by
    except SocialApp.DoesNotExist:
        unlinks_by = UnlinksBy.NOTHING
    if unlinks_by is UnlinksBy.UID:
        enqueue(account.provider, account.uid)
    elif unlinks_by is UnlinksBy.NOTHING:
        log.warning("%s isn't told of a connection that ended: not set up", account.provider)


def enqueue(provider: str, uid: str, *, token: str = "") -> None:
    """Queue a message to this provider in the caller's transaction.

    `token` is an access token of the person, for a provider that needs one (`UnlinksBy.TOKEN`).
    """
    jobs.enqueue(KIND, {"provider": provider, "uid": uid, "token": token})


class UnlinkHandler(jobs.Handler):
    """Tell one provider that one connection has ended."""

    kind = KIND
    lanes = 3
    retry_after = (
        timedelta(seconds=30),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=6),
        timedelta(days=1),
    )

    @override
    def do(self, payload: Payload) -> None:
        name, uid = payload["provider"], payload["uid"]
        try:
            provider = _provider(name)
        except SocialApp.DoesNotExist as exc:
            raise jobs.GiveUpError from exc
        if SocialAccount.objects.filter(provider=name, uid=uid).exists():
            log.info("%s isn't told: the account was connected again", name)
            return
        provider.unlink(uid=uid, token=payload["token"])
        log.info("%s was told of a connection that ended", name)

    @override
    def failed(self, payload: Payload, error: Exception, *, attempt: int) -> None:
        if isinstance(error, ProviderError):
            log.warning("%s wasn't told (attempt %d): %s", payload["provider"], attempt, error)
        else:
            name = payload["provider"]
            log.error("%s wasn't told (attempt %d)", name, attempt, exc_info=error)

    @override
    def given_up(self, payload: Payload) -> None:
        name = payload.get("provider", "a provider")
        log.error("%s was never told of a connection that ended: given up", name)

    @override
    def is_useful_for(self, payload: Payload) -> timedelta:
        return _provider(payload["provider"]).unlinking_serves_for


jobs.register(UnlinkHandler())


def _provider(name: str) -> StrictProvider:
    provider: StrictProvider = get_adapter().get_provider(None, name)  # type: ignore[arg-type]  # it does without
    return provider
