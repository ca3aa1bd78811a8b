"""Change the further profile of an account in the panel: with a reason, a fresh proof, an event and a mail."""

import json
import re

import pytest
from django.db import transaction

from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.operators import roles
from accounts.operators.acting import state_of
from accounts.people import profile_fields
from accounts.people.models import User
from accounts.signins import profiles
from tests.kit.clients import bearer
from tests.kit.factories import UserFactory
from tests.kit.operators import WHY, act, act_page, page_of, panel
from tests.kit.proofs import confirm_by_password, let_proofs_age, send_again

pytestmark = pytest.mark.django_db
ACT = "change-profile"
DEFINED = [
    {"name": "company", "label": {"en": "Company", "ko": "회사"}, "required": True},
    {
        "name": "plan",
        "type": "choice",
        "label": {"en": "Plan", "ko": "요금제"},
        "required": True,
        "choices": {"free": {"en": "Free", "ko": "무료"}, "team": {"en": "Team", "ko": "팀"}},
    },
    {"name": "news", "type": "boolean", "label": {"en": "Send me news", "ko": "소식 받기"}},
]
STORED = {"company": "Acme", "plan": "free", "former": "kept"}


@pytest.fixture(autouse=True)
def _fields(settings):
    settings.PROFILE_FIELDS = profile_fields.parse(json.dumps(DEFINED))


@pytest.fixture
def owner(user):
    user.extras = STORED
    user.save()
    return user


@pytest.fixture
def administrator(db):
    return panel(roles.ADMINISTRATOR)


def stored(owner):
    return User.objects.get(pk=owner.pk).extras


def events(owner):
    return AuditEvent.objects.filter(user=owner, type="profile.changed")


def test_the_page_offers_the_act_and_its_form_has_the_values(administrator, owner):
    page = administrator.get(page_of(owner)).text
    form = administrator.get(act_page(owner, ACT)).text

    assert f'href="{act_page(owner, ACT)}"' in page
    assert re.search(r'<input type="text" name="company" value="Acme"[^>]*class="vTextField"', form)
    assert '<option value="free" selected>Free</option>' in form
    assert "former" not in form


def test_the_form_is_in_the_operators_language(administrator, owner):
    form = administrator.get(act_page(owner, ACT), headers={"accept-language": "ko"}).text

    found = [form.count(f"{label}</label>") for label in ("회사:", "요금제:", "소식 받기")]
    assert found == [1, 1, 1]


def test_a_change_has_a_reason_an_actor_and_a_mail(administrator, owner, deliver):
    answer = act(administrator, owner, ACT, company=" Beta ", plan="free")

    assert "The profile is changed." in answer.text
    assert stored(owner) == STORED | {"company": "Beta"}
    event = events(owner).get()
    assert (event.note, event.actor.is_staff, event.reason) == (WHY, True, "")
    (sent,) = deliver()
    assert sent.to == [owner.email]
    assert "An administrator changed your profile." in sent.body
    assert "Beta" not in sent.body
    assert WHY not in sent.body


def test_one_field_is_changed_while_a_required_one_is_empty(administrator):
    owner = UserFactory(extras={"plan": "gold"})

    answer = act(administrator, owner, ACT, news="on")

    assert "The profile is changed." in answer.text
    assert stored(owner) == {"plan": "gold", "news": True}


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"company": ""}, "This field is required."),
        ({"company": "\u202e"}, "Use text that people can see"),
        ({"company": "x" * 101}, "at most 100 characters"),
        ({"plan": "gold"}, "gold is not one of the available choices"),
        ({"reason": ""}, "This field is required."),
    ],
)
def test_a_wrong_value_changes_nothing(administrator, owner, values, error):
    answer = act(administrator, owner, ACT, **{"company": "Beta", "plan": "free"} | values)

    assert error in answer.text
    assert stored(owner) == STORED
    assert not events(owner).exists()


def test_a_form_without_a_change_says_so(administrator, owner, deliver):
    answer = act(administrator, owner, ACT, company="Acme", plan="free")

    assert "Nothing was changed." in answer.text
    assert not events(owner).exists()
    assert deliver() == []


def test_a_change_of_the_owner_meanwhile_is_not_overwritten(administrator, owner, deliver):
    seen = state_of(owner)
    owner.extras = STORED | {"company": "Owner Ltd"}
    owner.save()

    answer = act(administrator, owner, ACT, company="Beta", plan="free", seen=seen)

    assert "was changed meanwhile" in answer.text
    assert stored(owner)["company"] == "Owner Ltd"


def test_the_change_needs_a_fresh_proof_and_then_goes_on(administrator, owner):
    let_proofs_age()
    form = {"reason": WHY, "seen": state_of(owner), "company": "Beta", "plan": "free"}

    asked = administrator.post(act_page(owner, ACT), form)
    before = stored(owner)
    send_again(administrator, confirm_by_password(administrator, asked))

    assert before == STORED
    assert stored(owner)["company"] == "Beta"


@pytest.mark.parametrize("role", [roles.SUPPORT, roles.AUDITOR, "staff"])
def test_other_roles_change_nothing(role, owner):
    browser = panel(role)

    assert browser.get(act_page(owner, ACT)).status_code == 403
    assert act(browser, owner, ACT, company="Beta").status_code == 403
    assert ACT not in browser.get(page_of(owner)).text
    assert stored(owner) == STORED


def test_a_site_without_fields_does_not_offer_the_act(administrator, owner, settings):
    settings.PROFILE_FIELDS = ()

    assert ACT not in administrator.get(page_of(owner)).text


# The owner's own doors


def test_the_owner_leaves_an_event_by_page_and_by_api(client, signed_in, pair, owner):
    form = {"display_name": "", "locale": "", "company": "By page", "plan": "free"}
    signed_in.post("/accounts/profile/", form)
    signed_in.post("/accounts/profile/", form)
    client.patch(
        *("/api/me/", {"extras": {"company": "By API"}}),
        content_type="application/json",
        headers=bearer(pair["access"]),
    )

    assert [(event.actor, event.note) for event in events(owner)] == [(None, "")] * 2
    assert stored(owner) == STORED | {"company": "By API", "news": False}


def test_two_devices_that_change_two_fields_at_once_change_both(owner):
    phone, laptop = User.objects.get(pk=owner.pk), User.objects.get(pk=owner.pk)

    with transaction.atomic():
        profiles.change_extras(phone, {"company": "Beta"}, client=ClientInfo())
        profiles.change_extras(laptop, {"plan": "team"}, client=ClientInfo())

    assert stored(owner) == STORED | {"company": "Beta", "plan": "team"}
