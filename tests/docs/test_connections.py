"""The page about connections has the hosts, ports, limits and time-outs of the code."""

import re
from urllib.parse import urlsplit

from django.conf import settings

from accounts.breaches import service
from accounts.federation.providers import addresses
from accounts.federation.wire import fetch
from accounts.moving import former
from accounts.webhooks import sending as webhooks
from config import database, redis
from tests.kit.documents import part_of, rows_of, text_of

TEXT = text_of("connections.md")
OUT = {row[1]: row for row in rows_of(part_of(TEXT, "Out"))}


def row_of(word):
    (row,) = (row for name, row in OUT.items() if word in name)
    return row


def test_the_page_names_each_host_of_a_provider_that_we_call():
    called = {
        urlsplit(url).hostname
        for provider in addresses.PROVIDERS.values()
        for name, url in provider.items()
        if name not in {"AUTHORIZE_URL", "ISSUER", "SCOPE"}  # the browser opens the first
    }

    assert set(re.findall(r"`([\w.]+\.com)`", row_of("googleapis")[1])) == called


def test_the_numbers_of_the_stores_are_those_of_the_code():
    postgres, store, sentinels = row_of("PostgreSQL"), row_of("Redis"), row_of("Sentinels")

    assert postgres[4].startswith(f"{database.POOL['timeout']} s for a place in the pool")
    assert f"{database.CONNECT_SECONDS} s to connect" in postgres[4]
    assert postgres[5] == f"{database.POOL['max_size']} a process"
    assert store[4] == (
        f"{redis.CONNECT_SECONDS} s to connect, {redis.ANSWER_SECONDS:g} s for an answer; "
        "sessions try again for 6 s in all"
    )
    assert settings.SESSION_STORE_DEADLINE_SECONDS == 6
    assert f"{settings.SESSION_STORE_WAITERS} threads wait" in store[6]
    assert sentinels[4] == f"{redis.SENTINEL_SECONDS} s each"


def test_the_numbers_of_calls_are_those_of_the_code():
    assert row_of("mail server")[4] == f"{settings.EMAIL_TIMEOUT} s"
    assert row_of("googleapis")[4].startswith(f"{fetch.TOTAL_SECONDS:g} s in all")
    assert row_of("PASSWORD_BREACH_API")[4] == f"{service.SECONDS:g} s"
    assert row_of("LEGACY_SIGN_IN_URL")[4] == f"{former.SECONDS:g} s"
    assert row_of("webhooks")[4] == f"{webhooks.TOTAL_SECONDS:g} s"


def test_each_setting_with_an_address_has_its_row():
    named = set(re.findall(r"`([A-Z_]+(?:URL|API|ENDPOINT))`", TEXT))

    assert named == {"PASSWORD_BREACH_API", "LEGACY_SIGN_IN_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"}
