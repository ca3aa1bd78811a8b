"""Create rows for tests."""

from datetime import timedelta
from uuid import uuid4

import factory
from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.factors import fingerprint
from accounts.people.models import User
from accounts.signins.models import AuthSession, TrustedBrowser

PASSWORD = "correct horse battery"


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    class Params:
        staff = factory.Trait(is_staff=True)
        admin = factory.Trait(is_staff=True, is_superuser=True)
        disabled = factory.Trait(is_active=False)

    email = factory.Sequence(lambda n: f"visitor{n}@example.com")
    password = factory.django.Password(PASSWORD)

    @factory.post_generation
    def verified(self, create: bool, extracted: bool | None, **kwargs: object) -> None:
        if create:
            row = EmailAddress(
                user=self, email=self.email, primary=True, verified=extracted is not False
            )
            EmailAddress.objects.bulk_create([row])  # sends no signal: nobody else has the address


class AuthSessionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = AuthSession

    class Params:
        revoked = factory.Trait(
            revoked_at=factory.LazyFunction(timezone.now), revoked_reason="logout"
        )
        token = factory.Trait(
            kind="token",
            refresh_jti=factory.Sequence(lambda n: f"{n:032x}"),
            refreshed_at=factory.LazyFunction(timezone.now),
            refresh_expires_at=factory.LazyFunction(lambda: timezone.now() + timedelta(days=14)),
        )

    user = factory.SubFactory(UserFactory)
    kind = "browser"
    user_agent = "curl/8.1"
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=90))


class TrustedBrowserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = TrustedBrowser

    user = factory.SubFactory(UserFactory)
    digest = factory.Sequence(lambda n: f"{n:064x}")
    fingerprint = factory.LazyAttribute(lambda row: fingerprint.of(row.user))
    sid = factory.LazyFunction(uuid4)
    user_agent = "curl/8.7"


class AuditEventFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = AuditEvent

    type = AuditEvent.Type.LOGIN_SUCCEEDED
    user = factory.SubFactory(UserFactory)
