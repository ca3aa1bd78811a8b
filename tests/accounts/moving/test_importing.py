"""An import is repeatable, changes nobody's account, and says what it left behind."""

import io

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.audit import chain
from accounts.audit.models import AuditEvent
from accounts.moving import importing, progress, writer
from accounts.moving.models import Departure, ExternalId
from accounts.outbox.models import Job
from accounts.people import addresses
from accounts.people.models import User
from accounts.signins import erasure
from accounts.webhooks.events import EVENTS
from accounts.webhooks.models import WebhookDelivery
from config.settings import auth
from tests.kit.factories import UserFactory
from tests.kit.moving import PARAMETERS
from tests.kit.racing import at_once
from tests.kit.webhooks import endpoint


def csv_of(*rows):
    return "\n".join(["id,email,verified,google,staff", *rows]) + "\n"


@pytest.fixture
def export_of(tmp_path, db):
    """Return a function that returns the text of an export."""

    def run():
        path = tmp_path / "exported.jsonl"
        call_command("export_users", str(path), stdout=io.StringIO())
        return path.read_text()

    return run


def everything():
    """Return the rows that an import may write, as they are now."""
    tables = [User, EmailAddress, SocialAccount, Authenticator, ExternalId, AuditEvent, Job]
    return {table.__name__: list(table.objects.order_by("pk").values()) for table in tables}


def test_a_second_run_changes_nothing(bring):
    bring("keycloak", "keycloak.json")
    before = everything()

    again = bring("keycloak", "keycloak.json")

    assert "0 accounts came, 2 came before, 1 can't come." in again.output
    assert everything() == before


def test_a_dry_run_writes_nothing_and_says_the_same(bring):
    dry = bring("keycloak", "keycloak.json", "--dry-run")
    assert not any(everything().values())

    wet = bring("keycloak", "keycloak.json")

    assert dry.report == wet.report
    assert dry.output.replace("would come", "came") == wet.output


def test_an_import_that_stopped_goes_on(bring, monkeypatch):
    """The second batch fails, as if somebody pulled the plug."""
    monkeypatch.setattr(importing, "BATCH", 2)
    content = csv_of(*(f"{n},u{n}@example.com,yes,," for n in range(5)))
    real, calls = writer.write, []

    def fail_once(people, *, source):
        calls.append(people)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(people, source=source)

    monkeypatch.setattr(writer, "write", fail_once)
    with pytest.raises(KeyboardInterrupt):
        bring("csv", content, is_name=False)
    assert User.objects.count() == 2

    ran = bring("csv", content, is_name=False)

    assert "3 accounts came, 2 came before, 0 can't come." in ran.output
    assert User.objects.count() == 5


def test_nobody_takes_over_an_account_that_is_here(bring):
    here = UserFactory(email="hana@example.com")
    before = User.objects.filter(pk=here.pk).values().get()

    ran = bring("csv", csv_of("1,HANA@Example.com,yes,g-1,"), is_name=False)

    assert ran.reasons("refused") == [("1", "email_taken")]
    assert ran.status == 3
    assert User.objects.filter(pk=here.pk).values().get() == before
    assert not SocialAccount.objects.exists()
    assert not ExternalId.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("delete", [erasure.erase_now, User.delete])
def test_a_person_who_was_deleted_here_comes_no_second_time(bring, delete):
    content = csv_of("1,hana@example.com,yes,,", "2,duri@example.com,yes,,")
    bring("csv", content, is_name=False)
    with transaction.atomic():
        delete(User.objects.get(email="hana@example.com"))

    ran = bring("csv", content, is_name=False)

    assert ran.reasons("refused") == [("1", "deleted")]
    assert "1 came before" in ran.output
    assert User.objects.get().email == "duri@example.com"
    assert len(Departure.objects.get().digest) == 64


def test_an_older_id_of_a_deleted_person_is_known_too(bring, export_of):
    bring("csv", csv_of("1,hana@example.com,yes,,"), is_name=False)
    exported = export_of()
    User.objects.get().delete()

    ran = bring("munjigi", exported, is_name=False)

    assert [reason for _, reason in ran.reasons("refused")] == ["deleted"]
    assert not User.objects.exists()


def test_a_further_proved_address_of_an_account_is_taken_too(bring):
    here = UserFactory()
    EmailAddress.objects.create(user=here, email="hana@example.com", verified=True)

    ran = bring("csv", csv_of("1,hana@example.com,yes,,"), is_name=False)

    assert ran.reasons("refused") == [("1", "email_taken")]


def test_a_connection_of_somebody_else_stays_there(bring):
    here = UserFactory()
    SocialAccount.objects.create(user=here, provider="google", uid="g-1")

    ran = bring("csv", csv_of("1,hana@example.com,yes,g-1,"), is_name=False)

    assert ran.reasons("without") == [("1", "connection_taken")]
    assert SocialAccount.objects.get().user == here


def test_duplicates_in_the_file_are_refused(bring):
    rows = ["1,a@example.com,yes,g-1,", "1,b@example.com,yes,,", "2,A@EXAMPLE.com,yes,,"]
    rows.append("3,c@example.com,yes,g-1,")

    ran = bring("csv", csv_of(*rows), is_name=False)

    assert ran.reasons("refused") == [("1", "id_repeated"), ("2", "email_repeated")]
    assert ran.reasons("without") == [("3", "connection_taken")]
    assert [line["row"] for line in ran.report] == [3, 4, 5]
    assert User.objects.count() == 2


def test_the_id_of_another_account_is_refused(bring):
    here = UserFactory()

    ran = bring("csv", csv_of(f"{here.pk},b@example.com,yes,,"), is_name=False)

    assert ran.reasons("refused") == [(str(here.pk), "id_taken")]


def test_one_id_of_two_sources_is_two_people(bring):
    bring("csv", csv_of("1,a@example.com,yes,,"), is_name=False)
    ran = bring("django", "django.json")

    assert "2 accounts came" in ran.output


def test_staff_rights_come_only_if_the_operator_says_so(bring):
    bring("django", "django.json", "--keep-staff")

    user = User.objects.get(email="hana@example.com")
    assert (user.is_staff, user.is_superuser) == (True, True)


@pytest.mark.parametrize("is_here", [True, False])
def test_groups_come_only_if_they_are_here(bring, is_here):
    if is_here:
        Group.objects.create(name="editors")

    ran = bring("django", "django.json", "--keep-groups")

    assert (("1", "groups") in ran.reasons("without")) is not is_here
    groups = User.objects.get(email="hana@example.com").groups.values_list("name", flat=True)
    assert list(groups) == (["editors"] if is_here else [])


def test_an_import_sends_no_mail_and_no_webhook(bring, db):
    endpoint(events=list(EVENTS))

    bring("keycloak", "keycloak.json")

    assert mail.outbox == []
    assert not Job.objects.exists()
    assert not WebhookDelivery.objects.exists()


def test_each_account_has_an_audit_event_that_the_chain_seals(bring):
    bring("keycloak", "keycloak.json")

    events = AuditEvent.objects.filter(type="user.imported")
    assert {(event.user.email, event.reason) for event in events} == {
        ("hana@example.com", "keycloak"),
        ("two@example.com", "keycloak"),
    }
    chain.seal()
    assert not AuditEvent.objects.filter(sealed_at=None).exists()


def test_an_unproved_account_is_not_deleted_by_the_owner_of_its_address(bring):
    """It has data in the product. The owner signs in by a proof, and keeps the account."""
    bring("csv", csv_of("1,hana@example.com,no,,"), is_name=False)

    assert addresses.claim("hana@example.com", owner_id=None) == []
    assert User.objects.filter(email="hana@example.com").exists()


@pytest.mark.django_db(transaction=True)
def test_a_sign_up_during_the_import_costs_one_row(bring, monkeypatch):
    real = importing.lookups.present

    def sign_up_after(people, *, source):
        found = real(people, source=source)
        UserFactory(email="u1@example.com")
        return found

    monkeypatch.setattr(importing.lookups, "present", sign_up_after)
    rows = [f"{n},u{n}@example.com,yes,," for n in range(3)]

    ran = bring("csv", csv_of(*rows), is_name=False)

    assert ran.reasons("refused") == [("1", "conflict")]
    assert "2 accounts came" in ran.output
    assert ExternalId.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_bring_each_account_once(tmp_path):
    path = tmp_path / "users.csv"
    path.write_text(csv_of(*(f"{n},u{n}@example.com,yes,g{n}," for n in range(40))))

    def work(_number):
        try:
            call_command("import_users", str(path), "--from", "csv", stdout=io.StringIO())
        except CommandError as exc:
            return exc.returncode
        return 0

    at_once(3, work)

    assert User.objects.count() == ExternalId.objects.count() == SocialAccount.objects.count() == 40
    assert AuditEvent.objects.count() == 40


def test_known_passwords_are_checked_before_the_move(bring, tmp_path, settings):
    settings.PASSWORD_HASHERS = auth.PASSWORD_HASHERS
    known = tmp_path / "known.csv"
    known.write_text(
        "email,password\nHana@example.com,user1password\n"
        "disabled@example.com,wrong\nnobody@example.com,x\n"
    )

    ran = bring(
        *("firebase", "firebase.json", "--dry-run", "--hash-parameters", PARAMETERS),
        *("--check-passwords", str(known)),
    )

    assert "1 known passwords open." in ran.output
    assert "disabled@example.com: doesn't open" in ran.output
    assert "nobody@example.com: isn't in the file" in ran.output
    assert "wrong" not in ran.output
    assert ran.status == 3
    assert not User.objects.exists()


def test_the_report_has_no_address_and_is_private(bring, tmp_path):
    bring("keycloak", "keycloak.json")

    report = tmp_path / "report.jsonl"
    assert "@" not in report.read_text()
    assert report.stat().st_mode & 0o777 == 0o600


def test_progress_is_a_line_now_and_then(bring, capsys, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 2)
    monkeypatch.setattr(importing, "BATCH", 2)
    bring("csv", csv_of(*(f"{n},u{n}@example.com,yes,," for n in range(5))), is_name=False)

    shown = capsys.readouterr().err
    assert shown.count("\n") == 2
    assert "\r" not in shown
