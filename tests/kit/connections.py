"""Connect a user to a provider, and describe the user's connections and sign-ins."""

from allauth.socialaccount.models import SocialAccount

from accounts.audit.models import AuditEvent
from accounts.signins.models import AuthSession
from tests.kit.factories import AuthSessionFactory, UserFactory


def connected(provider, uid, **fields):
    """Create a connected user with three sign-ins: by the provider, by it and a code, by password."""
    user = UserFactory(**fields)
    SocialAccount.objects.create(user=user, provider=provider, uid=uid)
    for amr in ([provider], [provider, "mfa"], ["pwd"]):
        AuthSessionFactory(user=user, amr=amr)
    return user


def linked():
    """Return the provider and the owner's email of every connection."""
    return {(one.provider, one.user.email) for one in SocialAccount.objects.all()}


def state_of(user):
    """Return the user's active sign-ins, the reasons of ended ones, connections and audit events."""
    sessions = AuthSession.objects.filter(user=user)
    return {
        "left": sorted(one.amr for one in sessions.filter(revoked_at=None)),
        "ended": set(sessions.exclude(revoked_at=None).values_list("revoked_reason", flat=True)),
        "connected": SocialAccount.objects.filter(user=user).exists(),
        "recorded": list(
            AuditEvent.objects.filter(user=user, type__startswith="social")
            .values_list("type", "reason")
            .order_by("pk")
        ),
    }
