"""Give an account that came with an unproved address to the person who proves the address here.

A stranger may have signed up there with this address, and the account came with the stranger's password,
connections and factors. The first reader of its mails owns the account, so what nobody has proved goes.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.audit import trail
from accounts.audit.vocabulary import EventType
from accounts.client_info import ClientInfo
from accounts.factors import changes
from accounts.people.models import User
from accounts.signins import sessions

ENOUGH = {"password", "mfa"}
"""The methods that open an account alone: who gave one has what nobody else should have."""


def prove(user: User, by: Mapping[str, Any], *, client: ClientInfo) -> None:
    """Note the first proof of an address. Does nothing for other accounts, and for later proofs.

    `by` is allauth's record of what this visitor gave before the proof, or empty. A password stays
    if the visitor gave it, and so does the connection that opened this sign-in.
    """
    waiting = user.external_ids.filter(waits_for_proof=True)
    if not waiting.exists():
        return
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()
        if not waiting.update(waits_for_proof=False):
            return
        method = by.get("method")
        if method in ENOUGH:
            return
        kept = {"provider": by["provider"], "uid": by["uid"]} if method == "socialaccount" else None
        others = user.socialaccount_set.all()
        (others.exclude(**kept) if kept else others).delete()
        changes.remove_all(user, actor=None)
        user.display_name, user.extras = "", {}
        user.save(update_fields=["display_name", "extras"])
        if method != "password_reset":
            user.set_unusable_password()
            user.save_password()
        sessions.revoke_all(user, reason=sessions.Reason.PASSWORD_CHANGED, client=client)
        trail.record(EventType.USER_ADOPTED, user=user, client=client)
