"""Somebody connected to a provider, and what became of them."""

from allauth.socialaccount.models import SocialAccount

from accounts.audit.models import AuditEvent
from accounts.signins.models import AuthSession
from tests.kit.factories import AuthSessionFactory, UserFactory


def connected(provider, uid, **fields):
    """Somebody connected, signed in three ways: by the provider, with it as well, by password."""
    user = UserFactory(**fields)
    SocialAccount.objects.create(user=user, provider=provider, uid=uid)
    for amr in ([provider], [provider, "mfa"], ["pwd"]):
        AuthSessionFactory(user=user, amr=amr)
    return user


def linked():
    """Every connection, by provider and owner."""
    return {(one.provider, one.user.email) for one in SocialAccount.objects.all()}


def state_of(user):
    """Which sign-ins are left and why others ended, whether it is connected, what is on record."""
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
