"""A site with a middleware or a view that the gate doesn't know has no gate."""

import pytest
from django.conf import settings as django_settings
from django.urls import path
from django.views.generic import View
from structlog.testing import capture_logs

from config.gate import offered, views
from config.urls import urlpatterns as ours

OTHER = "django.middleware.gzip.GZipMiddleware"
TRACING = "config.tracing.TracingMiddleware"


class Own(View):
    """A team's view in place of ours."""


urlpatterns = [path("api/me/", Own.as_view()), *ours]


def told():
    with capture_logs() as lines:
        has_gate = offered.is_offered()
    return has_gate, [(line["event"], line["log_level"], line["unknown"]) for line in lines]


def test_our_own_middleware_and_views_are_known():
    assert told() == (True, [])
    assert {*django_settings.MIDDLEWARE, TRACING} == offered.KNOWN


@pytest.mark.parametrize("place", [0, 99])
def test_another_middleware_may_refuse_what_the_gate_would_allow(settings, place):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE]
    settings.MIDDLEWARE.insert(place, OTHER)

    assert told() == (False, [("gate_is_off", "warning", [OTHER])])


def test_a_team_may_put_its_own_view_at_an_address(settings):
    settings.ROOT_URLCONF = __name__

    assert told() == (False, [("gate_is_off", "warning", ["/api/me/"])])


def test_a_team_may_remove_addresses(settings):
    """The server starts, and Django answers 404 there."""
    removed = type("urls", (), {"urlpatterns": []})
    settings.ROOT_URLCONF = removed

    assert told() == (False, [("gate_is_off", "warning", [*views.BY_PATH])])


@pytest.mark.parametrize(("other", "has_gate"), [("", True), (OTHER, False)])
def test_the_server_asks_once_at_its_start(boot, other, has_gate):
    code = (
        "from django.conf import settings;"
        f"settings.MIDDLEWARE += {[other] if other else []};"
        "import config.wsgi; print(config.wsgi.has_gate)"
    )

    done = boot(
        code,
        SITE_URL="https://auth.example.com",
        ALLOWED_HOSTS="auth.example.com",
        TRUSTED_PROXY_COUNT="1",
        LOG_LEVEL="WARNING",
    )

    assert done.stdout.strip() == str(has_gate), done.stderr
    assert ("gate_is_off" in done.stderr) is not has_gate
