"""Each click and each command of `docs/incident.md` exists."""

import re

import pytest
from django.core.management import get_commands, load_command_class
from django.utils import translation

from accounts.audit.vocabulary import EventType
from accounts.support.actions.registry import ACTIONS
from tests.kit.documents import text_of
from tests.kit.factories import AuthSessionFactory
from tests.kit.factors import enrol
from tests.kit.operators import page_of, panel

TEXT = text_of("incident.md")
COMMANDS = sorted(set(re.findall(r"`manage\.py ([^`]+)`", TEXT)))
PAGES = sorted(set(re.findall(r"`(/admin/[^`]*)`", TEXT)))
BUTTONS = sorted(set(re.findall(r"\*\*([^*]+)\*\*", TEXT)) - {"bold"})
WORDS = ["Sign-ins", "What happened", "Notes of operators", "Reset second factors"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_exists_with_its_arguments(command):
    name, *arguments = command.split()
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)

    parser.parse_args(arguments)


@pytest.mark.django_db
@pytest.mark.parametrize("page", PAGES)
def test_each_page_exists(page):
    assert panel("superuser").get(page).status_code == 200


@pytest.mark.parametrize("button", BUTTONS)
def test_each_button_is_an_act(button):
    with translation.override("en"):
        assert button in {str(action.label) for action in ACTIONS.values()}


@pytest.mark.django_db
def test_the_page_of_a_user_has_the_other_words(user):
    AuthSessionFactory(user=user)
    enrol(user)
    page = panel("superuser").get(page_of(user)).text

    for words in WORDS:
        assert f'"{words}"' in TEXT
        assert words in page
    assert str(EventType.LOGIN_FAILED.label) in TEXT


def test_there_are_clicks_and_commands():
    assert len(COMMANDS) > 8
    assert len(PAGES) > 5
    assert len(BUTTONS) > 6
