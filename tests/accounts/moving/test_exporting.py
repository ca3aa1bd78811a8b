"""What `export_users` writes, `import_users` reads again: every field, or a reason why not."""

import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from accounts.audit.models import AuditEvent
from accounts.factors.totp import enrolment
from accounts.moving import exporting, layout
from accounts.moving.models import Departure, ExternalId
from accounts.people import profile_fields
from accounts.people.models import User
from config.settings import auth
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.factors import enrol_passkey

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TIME = datetime(2024, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
ALL = ("--hashes", "--secrets")


@pytest.fixture(autouse=True)
def ours(settings):
    settings.PASSWORD_HASHERS = auth.PASSWORD_HASHERS
    company = {"name": "company", "label": {"en": "Company", "ko": "회사"}}
    settings.PROFILE_FIELDS = profile_fields.parse(json.dumps([company]))


@pytest.fixture
def export(db, tmp_path):
    """Return a function that runs `export_users`, and returns the file and its lines."""

    def run(*options):
        path = tmp_path / f"export{len(list(tmp_path.iterdir()))}.jsonl"
        call_command("export_users", str(path), *options, stdout=io.StringIO())
        return path, [json.loads(line) for line in path.read_text().splitlines()]

    return run


@pytest.fixture
def somebody(db):
    """Create an account in which no exported field has its default."""
    user = UserFactory(
        email="hana@example.com",
        display_name="김하나",
        locale="ko",
        extras={"company": "Acme"},
        is_active=False,
        is_staff=True,
        is_superuser=True,
        date_joined=TIME,
        last_login=TIME.replace(year=2025),
        erase_at=TIME.replace(year=2027),
    )
    user.groups.add(Group.objects.create(name="editors"))
    EmailAddress.objects.create(user=user, email="next@example.com", verified=False, primary=False)
    SocialAccount.objects.create(
        user=user, provider="facebook", uid="77", extra_data={"name": "하나"}
    )
    ExternalId.objects.create(user=user, source="firebase", external_id="fb-1")
    enrolment.add(user, SECRET, step=7)
    codes = {"salt": "ab" * 16, "left": ["cd"], "used": 1}
    Authenticator.objects.create(user=user, type="recovery_codes", data=codes)
    enrol_passkey(user)
    Authenticator.objects.exclude(type="totp").update(created_at=TIME, last_used_at=TIME)
    return user


def empty_site():
    """Make this the other site, which has nobody yet and deleted nobody."""
    User.objects.all().delete()
    Departure.objects.all().delete()


def fields_of(label):
    meta = apps.get_model(label)._meta
    return {field.name for field in [*meta.concrete_fields, *meta.many_to_many]}


@pytest.mark.parametrize("label", layout.EXPORTED)
def test_each_field_is_exported_or_left_out_with_a_reason(label):
    exported, left_out = set(layout.EXPORTED[label]), set(layout.LEFT_OUT[label])

    assert exported | left_out == fields_of(label)
    assert not exported & left_out


def test_each_table_with_a_user_is_exported_or_left_out_with_a_reason():
    tables = {
        model._meta.label
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.is_relation and field.related_model is User
    }

    assert tables == set(layout.EXPORTED) - {"accounts.User"} | set(layout.TABLES_LEFT_OUT)


def state():
    """Return every exported value of every table, with secrets decrypted."""
    found = {}
    for label, names in layout.EXPORTED.items():
        rows = []
        for row in apps.get_model(label).objects.order_by("pk"):
            values = {
                name: sorted(group.name for group in row.groups.all())
                if name == "groups"
                else getattr(row, name)
                for name in names
            }
            if values.get("type") == "totp":
                values["data"] = values["data"] | {"secret": decrypt(values["data"]["secret"])}
            rows.append(json.dumps(values, sort_keys=True, default=str))
        found[label] = rows
    return found


def test_every_exported_field_survives_the_round_trip(somebody, export, bring):
    before = state()
    for label, names in layout.EXPORTED.items():
        model = apps.get_model(label)
        for name in set(names) - {"user", "groups", "id"}:
            field = model._meta.get_field(name)
            values = [getattr(row, name) for row in model.objects.all()]
            assert any(value != field.get_default() for value in values), (label, name)
    path, _lines = export(*ALL)
    empty_site()

    ran = bring("munjigi", str(path), "--keep-staff", "--keep-groups")

    assert ran.status == 0
    assert ran.report == []
    came = ExternalId.objects.get(source="munjigi")
    assert came.external_id == str(somebody.pk)
    came.delete()
    assert state() == before


def test_a_second_trip_changes_nothing(somebody, export, bring):
    path, lines = export(*ALL)
    empty_site()
    for _ in range(2):
        bring("munjigi", str(path), "--keep-staff", "--keep-groups")

    _path, again = export(*ALL)

    own = {"source": "munjigi", "external_id": str(somebody.pk)}
    assert own in again[0].pop("external_ids")
    lines[0].pop("external_ids")
    assert again == lines


def test_a_password_opens_after_the_round_trip(export, bring):
    user = UserFactory()
    path, _lines = export("--hashes")
    empty_site()

    bring("munjigi", str(path))

    assert User.objects.get(pk=user.pk).password == user.password
    assert PASSWORD not in path.read_text()


@pytest.mark.parametrize(
    ("options", "has_hashes", "has_secrets"),
    [((), False, False), (("--hashes",), True, False), (("--secrets",), False, True)],
)
def test_hashes_and_secrets_come_only_on_demand(somebody, export, options, has_hashes, has_secrets):
    path, lines = export(*options)

    kinds = {factor["type"] for factor in lines[0]["factors"]}
    assert ("password" in lines[0]["user"]) is has_hashes
    assert ("recovery_codes" in kinds) is has_hashes
    assert ("totp" in kinds) is has_secrets
    assert (SECRET in path.read_text()) is has_secrets
    assert "webauthn" in kinds


def test_the_file_is_private_and_no_older_one_is_replaced(export):
    UserFactory()
    path, _lines = export()

    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="File exists"):
        call_command("export_users", str(path))


def test_a_file_that_cannot_be_written_is_named(db, tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        call_command("export_users", str(tmp_path / "nowhere" / "file"))


def test_an_export_leaves_an_audit_event(export):
    UserFactory()
    export("--hashes")

    event = AuditEvent.objects.get(type="users.exported")
    assert (event.user_id, event.note) == (None, "hashes")


def test_a_secret_without_its_key_stops_the_export(somebody, export, settings):
    from cryptography.fernet import Fernet  # noqa: PLC0415

    settings.DATA_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(CommandError, match="DATA_ENCRYPTION_KEYS"):
        export("--secrets")


def test_an_export_costs_the_same_queries_for_each_page(
    export, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(exporting, "PAGE", 2)
    UserFactory.create_batch(4)

    with django_assert_num_queries(2 * 6 + 1):
        list(exporting.lines(exporting.Choice()))


def test_an_export_of_all_pages_has_each_account_once(export, monkeypatch):
    monkeypatch.setattr(exporting, "PAGE", 2)
    users = UserFactory.create_batch(5)

    _path, lines = export()

    assert sorted(line["user"]["id"] for line in lines) == sorted(str(user.pk) for user in users)


def test_an_export_goes_to_standard_output(db, capfd):
    UserFactory()
    out = io.StringIO()

    call_command("export_users", "-", stdout=out)

    assert json.loads(out.getvalue())["munjigi"] == layout.VERSION
    assert not Path("-").exists()
    assert os.sep not in out.getvalue()
