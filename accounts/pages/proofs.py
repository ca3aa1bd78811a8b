"""The proofs that a user can give again: each entry of `PROOFS` says to whom it is offered, and where.

An account with a second factor is asked for that, and for nothing else: a thief with the password, or
with the mailbox, must not be able to remove it. A proof that isn't listed counts for nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from allauth.account.internal.flows import reauthenticate_by_code
from allauth.account.internal.flows.reauthentication import get_reauthentication_code_recipients
from allauth.core import context
from allauth.core.exceptions import ReauthenticationRequired
from allauth.socialaccount.adapter import get_adapter as get_social_adapter
from allauth.socialaccount.providers.base.provider import Provider
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.audit.vocabulary import Method, provider_name
from accounts.factors import registry
from accounts.pages.codes import OnlyMailed
from accounts.pages.middleware import current
from accounts.people.models import User
from accounts.request import client_of
from accounts.signins import sessions

Way = dict[str, str]
"""A page that takes a proof: its `id`, `description` and `url`, as allauth's views read them."""
FACTOR_FLOW = "mfa_reauthenticate"
Flow = dict[str, Any]
"""The same for programs: an entry of allauth's `flows`."""


@dataclass(frozen=True)
class Proof:
    amr: Callable[[dict[str, Any]], list[str]]
    """The RFC 8176 values for the record that allauth makes of this proof."""
    ways: Callable[[User], list[Way]]
    flows: Callable[[User], list[Flow]]


def _password_ways(user: User) -> list[Way]:
    if not user.has_usable_password():
        return []
    url = reverse("account_reauthenticate")
    return [{"id": "reauthenticate", "description": _("Use your password"), "url": url}]


def _password_flows(user: User) -> list[Flow]:
    return [{"id": "reauthenticate"}] if user.has_usable_password() else []


def _code_ways(user: User) -> list[Way]:
    if not get_reauthentication_code_recipients(user):
        return []
    url = reverse("account_request_reauthentication_code")
    description = _("Send me a code by mail")
    return [{"id": "reauthenticate_by_code", "description": description, "url": url}]


def _code_flows(user: User) -> list[Flow]:
    recipients = get_reauthentication_code_recipients(user)
    return [{"id": "reauthenticate_by_code", "recipients": recipients}] if recipients else []


def _provider_ways(user: User) -> list[Way]:
    return [
        {
            "id": "reauthenticate_by_provider",
            "description": _("Confirm with %(provider)s") % {"provider": provider_name(one.id)},
            "url": provider_url(one.id),
        }
        for one in connected(user)
    ]


def _provider_flows(user: User) -> list[Flow]:
    providers = [
        {
            "id": one.id,
            "url": provider_url(one.id),
            "takes_token": one.supports_token_authentication,
        }
        for one in connected(user)
    ]
    return [{"id": "reauthenticate_by_provider", "providers": providers}] if providers else []


def _factor_ways(user: User) -> list[Way]:
    factors = registry.factors_of(user)
    if not factors:
        return []
    url = reverse("mfa_reauthenticate")
    return [{"id": FACTOR_FLOW, "description": str(factors[0].label), "url": url}]


def _factor_flows(user: User) -> list[Flow]:
    types = [factor.id for factor in registry.factors_of(user)]
    return [{"id": FACTOR_FLOW, "types": types}] if types else []


PROOFS: dict[str, Proof] = {
    "mfa": Proof(lambda record: registry.amr_of(record["type"]), _factor_ways, _factor_flows),
    "password": Proof(lambda _: [Method.PASSWORD], _password_ways, _password_flows),
    "code": Proof(lambda _: [Method.CODE], _code_ways, _code_flows),
    "socialaccount": Proof(lambda record: [record["provider"]], _provider_ways, _provider_flows),
}
"""By allauth's name of the method. Pages offer the first, and the others as alternatives."""


def asked_of(user: User) -> dict[str, Proof]:
    """Return the proofs that count for this account: those of its second factors, if it has any."""
    has_factor = bool(registry.factors_of(user))
    return {name: proof for name, proof in PROOFS.items() if (name == "mfa") == has_factor}


class ProofCode(OnlyMailed, reauthenticate_by_code.ConfirmReauthenticationCodeProcess):
    """The proof by a mailed code."""


# allauth's views look it up here, and have no setting for it.
reauthenticate_by_code.ConfirmReauthenticationCodeProcess = ProofCode  # type: ignore[misc]


def ways(user: User) -> list[Way]:
    return [way for proof in asked_of(user).values() for way in proof.ways(user)]


def flows(user: User) -> list[Flow]:
    return [flow for proof in asked_of(user).values() for flow in proof.flows(user)]


def provider_url(provider: str) -> str:
    return reverse("account_reauthenticate_by_provider", args=[provider])


def connected(user: User) -> list[Provider]:
    """Return the configured providers that are connected to this account."""
    mine = set(user.socialaccount_set.values_list("provider", flat=True))
    listed = get_social_adapter().list_providers(context.request)
    return [provider for provider in listed if provider.id in mine]


def accept(request: HttpRequest, method: str, record: dict[str, Any]) -> None:
    """Record that this request's sign-in was proved again by this method of allauth's.

    Raises `ReauthenticationRequired` if the account has a second factor, and this is another proof.
    """
    session = current(request)
    if session is None or method not in PROOFS:
        return
    asked = asked_of(cast("User", session.user))
    if method in asked:
        amr = asked[method].amr(record)
        sessions.prove(session, amr=amr, client=client_of(request))
    elif "mfa" in asked:
        raise ReauthenticationRequired
