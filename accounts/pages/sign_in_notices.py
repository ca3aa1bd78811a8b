"""Mail the owner of an account about odd sign-ins, at every door (ASVS 6.3.5).

`tell` and `tell_owner` are for a sign-in that was opened, `WatchedFactorStage` for one that may stop at the second step.
"""

import hashlib
import logging
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.http import HttpRequest
from typing_extensions import override

from accounts.client_info import ClientInfo
from accounts.factors import unfinished
from accounts.mail import notices
from accounts.pages import known_devices
from accounts.pages.trusting import TrustingStage
from accounts.request import client_of
from accounts.signins import oddities
from accounts.signins.models import AuthSession
from accounts.store import counters
from accounts.store.counters import Limit
from accounts.store.outage import STORE_ERRORS

if TYPE_CHECKING:
    from accounts.people.models import User

DAY = 24 * 3600
OF_PLACE = Limit("notice_place", 1, DAY)
"""A browser that keeps no cookies is new at each sign-in, and causes one mail in a day."""
OF_ACCOUNT = Limit("notice_account", 10, DAY)

log = logging.getLogger(__name__)


def tell(request: HttpRequest, user: "User", session: AuthSession) -> None:
    """Mail the owner if this sign-in is odd. Call after it was opened, before the device is marked."""
    has_mark = settings.SIGN_IN_NOTICES and bool(known_devices.device_of(request, user.email))
    tell_owner(user, session, client=client_of(request), has_mark=has_mark)


def tell_owner(user: "User", session: AuthSession, *, client: ClientInfo, has_mark: bool) -> None:
    """Do as `tell`. `has_mark` is True if the client has the cookie of a known device."""
    if not settings.SIGN_IN_NOTICES:
        return
    found = oddities.of(session, client=client, has_mark=has_mark)
    if found and _may_tell(user, client):
        notices.signed_in(
            user,
            sid=session.sid,
            amr=session.amr,
            client=client,
            is_new_device=found.is_new_device,
            failures=found.failures,
            is_long_idle=found.is_long_idle,
        )


def _may_tell(user: "User", client: ClientInfo) -> bool:
    """Count one more of these mails. Returns False if this place or account got its share of today."""
    # A new password begins a new share: a thief of before it may come back, and the owner must read it.
    account = f"{user.pk} {user.password_version}"
    place = f"{account} {oddities.place_of(client)}"
    counted = [(OF_PLACE, _digest(place)), (OF_ACCOUNT, _digest(account))]
    try:
        is_over = bool(counters.take(counted, is_patient=False))
    except STORE_ERRORS:
        # Fail open: a mail too many is better than none about a thief.
        return True
    if is_over:
        log.info("no notice of an odd sign-in: the owner got today's share")
    return not is_over


def _digest(text: str) -> str:
    """Return a hash, which hides the account from readers of Redis."""
    return hashlib.sha256(text.encode()).hexdigest()


class WatchedFactorStage(TrustingStage):
    """Look later whether the second step was done, unless the device has signed in before.

    After a report "it wasn't me" that says nothing: the thief's device has signed in, too.
    """

    @override
    def handle(self) -> Any:
        answer = super().handle()
        response, _goes_on = answer
        user = cast("User | None", self.login.user)
        if response is None or user is None or not settings.SIGN_IN_NOTICES:
            return answer
        has_mark = known_devices.device_of(self.request, user.email)
        if not has_mark or oddities.was_denied(user):
            unfinished.watch(user, client=client_of(self.request))
        return answer
