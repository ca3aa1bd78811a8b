"""Run two servers: a sign-in that one ends is ended on both, and concurrent refreshes get one successor.

Granian, Redis and the database (SQLite or PostgreSQL) are real.
"""

import contextlib
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
import requests
from django.conf import settings as django_settings
from django.db import connection

from tests.kit import forge
from tests.kit.factories import PASSWORD
from tests.kit.rings import starts_processes
from tests.kit.servers import CREATE_USER, Cluster
from tests.kit.waiting import Asking, wait_until

# Run all on one worker, because the servers that they share start slowly.
pytestmark = pytest.mark.xdist_group("two servers")
CLIENTS = 20
ROUNDS = 5
SET_BACK = "UPDATE accounts_authsession SET refreshed_at = {} WHERE refresh_jti <> ''"
PAST_ON_SQLITE = "STRFTIME('%Y-%m-%d %H:%M:%f', refreshed_at, '-2 minutes')"


@pytest.fixture(scope="module")
def database_url(tmp_path_factory):
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('two') / 'db.sqlite3'}"
        return
    options = django_settings.DATABASES["default"]
    server = f"postgres://{options['USER']}@{options['HOST']}:{options['PORT']}/postgres"
    name = f"two_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
@starts_processes
def cluster(tmp_path_factory, database_url):
    cluster = Cluster(tmp_path_factory.mktemp("servers"), database_url)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def accounts(cluster):
    """Create users and return their emails. Each test takes new ones from the list."""
    emails = [f"two{number}@example.com" for number in range(16)]
    cluster.manage("shell", stdin=CREATE_USER.format(emails=emails, password=PASSWORD))
    return emails


@pytest.fixture
def email(accounts):
    return accounts.pop()


@pytest.fixture
def pair_from(cluster, email):
    def run(number=0):
        status, pair = cluster.call(
            number, "POST", "/api/token/", {"email": email, "password": PASSWORD}
        )
        assert status == 200, pair
        return pair

    return run


@pytest.fixture
def status(cluster):
    """Return a server's status for an access token, from a view and from the path ahead of Django."""

    def run(number, pair):
        session, _ = cluster.call(number, "GET", "/api/sessions/", token=pair["access"])
        verify, _ = cluster.call(number, "GET", "/api/verify", token=pair["access"])
        assert (session, verify) in {(200, 204), (401, 401), (200, 401), (401, 204)}
        return {"views": session, "verify": verify}

    return run


GOOD = {"views": 200, "verify": 204}
REFUSED = {"views": 401, "verify": 401}


def end_by_revoke(cluster, pair, _others):
    return cluster.call(0, "POST", "/api/token/revoke/", {"token": pair["refresh"]})[0]


def end_by_device(cluster, pair, others):
    return cluster.call(0, "DELETE", f"/api/sessions/{pair['sid']}/", token=others["access"])[0]


def end_own(cluster, pair, _others):
    return cluster.call(0, "DELETE", f"/api/sessions/{pair['sid']}/", token=pair["access"])[0]


def end_by_logout(cluster, pair, _others):
    cluster.call(0, "DELETE", "/_allauth/app/v1/auth/session", token=pair["access"])
    return 200  # the endpoint itself answers 401, because the sign-in has ended


def end_by_password_change(cluster, _pair, others):
    return cluster.call(
        0,
        "POST",
        "/_allauth/app/v1/account/password/change",
        {"current_password": PASSWORD, "new_password": f"another {PASSWORD}"},
        token=others["access"],
    )[0]


def end_by_shell(cluster, pair, _others):
    """End the sign-in in an operator's shell, which is another process."""
    cluster.manage(
        "shell",
        stdin="from accounts.people.models import User\nfrom accounts.signins.models import AuthSession\n"
        f"user = AuthSession.objects.get(pk='{pair['sid']}').user\n"
        "user.is_active = False\nuser.save()\n",
    )
    return 200


def end_by_deletion(cluster, pair, _others):
    cluster.manage(
        "shell",
        stdin="from accounts.signins.models import AuthSession\n"
        f"AuthSession.objects.get(pk='{pair['sid']}').user.delete()\n",
    )
    return 200


WAYS = [
    end_by_revoke,
    end_by_device,
    end_own,
    end_by_logout,
    end_by_password_change,
    end_by_shell,
    end_by_deletion,
]


@pytest.mark.parametrize("end", WAYS, ids=lambda way: way.__name__)
def test_ending_a_sign_in_on_one_server_ends_it_on_the_other(cluster, pair_from, status, end):
    pair, others = pair_from(0), pair_from(1)
    assert [status(number, pair) for number in (0, 1)] == [GOOD, GOOD]

    assert end(cluster, pair, others) in {200, 204}

    wait_until(lambda: status(1, pair) == REFUSED)
    wait_until(lambda: status(0, pair) == REFUSED)
    refreshed, _ = cluster.call(1, "POST", "/api/token/refresh/", {"refresh": pair["refresh"]})
    assert refreshed == 401


def test_a_kept_device_stays_signed_in(cluster, pair_from, status):
    pair, others = pair_from(0), pair_from(1)

    end_by_password_change(cluster, pair, others)

    wait_until(lambda: status(1, pair) == REFUSED)
    assert [status(number, others) for number in (0, 1)] == [GOOD, GOOD]


def test_a_change_of_a_user_on_one_server_shows_on_the_other(cluster, email, pair_from):
    cookie, pair = cluster.sign_in_by_page(0, email, PASSWORD), pair_from()

    def me(number):
        status, body = cluster.call(number, "GET", "/api/me/", cookie=cookie)
        return status, body.get("display_name")

    assert [me(0), me(1), me(0), me(1)] == [(200, "")] * 4

    cluster.call(0, "PATCH", "/api/me/", {"display_name": "Hana"}, token=pair["access"])

    assert me(0) == (200, "Hana")
    wait_until(lambda: me(1) == (200, "Hana"))

    end_by_shell(cluster, pair, None)

    wait_until(lambda: [me(0), me(1)] == [(401, None)] * 2)


def test_a_retired_key_is_refused_by_both_servers(cluster, pair_from, status):
    """The servers learn it by the bell, because they reload the keys only once an hour."""
    pair = pair_from()
    assert [status(number, pair) for number in (0, 1)] == [GOOD, GOOD]
    kid = forge.part(pair["access"], 0)["kid"]

    cluster.manage("signing_keys", "retire", kid)

    for number in (0, 1):
        wait_until(lambda server=number: status(server, pair) == REFUSED)
        refreshed, _ = cluster.call(
            number, "POST", "/api/token/refresh/", {"refresh": pair["refresh"]}
        )
        assert refreshed == 401
    anew = pair_from(1)
    assert forge.part(anew["access"], 0)["kid"] != kid
    assert [status(number, anew) for number in (0, 1)] == [GOOD, GOOD]


# Concurrency


def refresh(cluster, number, token):
    status, body = cluster.call(number, "POST", "/api/token/refresh/", {"refresh": token})
    return (status, body["refresh"] if status == 200 else body["code"])


def grow_old(cluster):
    """Let the grace window pass, by setting back every last refresh."""
    url = cluster.environment["DATABASE_URL"]
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, timeout=20)) as database, database:
            database.execute(SET_BACK.format(PAST_ON_SQLITE))
    else:
        with psycopg.connect(url, autocommit=True) as database:
            database.execute(SET_BACK.format("refreshed_at - INTERVAL '2 minutes'"))


def at_once(job, arguments):
    """Run the job for each argument in threads that start at the same moment."""
    barrier = threading.Barrier(len(arguments))

    def wait_and_run(argument):
        barrier.wait(60)
        return job(argument)

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(wait_and_run, arguments))


@pytest.fixture
def unlimited(cluster):
    """Reset the rate limits. Twenty clients at one address exceed the limit of a minute."""

    def clear():
        cluster.ask_redis("FLUSHDB", database=1)

    clear()
    yield clear
    clear()


def test_twenty_clients_that_refresh_one_token_get_one_successor(cluster, pair_from, unlimited):
    pair = pair_from()
    current = pair["refresh"]
    for _ in range(ROUNDS):
        unlimited()
        answers = at_once(
            lambda number, token=current: refresh(cluster, number % 2, token), range(CLIENTS)
        )

        assert {status for status, _ in answers} == {200}, answers
        successors = {forge.part(token, 1)["jti"] for _, token in answers}
        assert len(successors) == 1
        assert successors != {forge.part(current, 1)["jti"]}
        current = answers[0][1]
        grow_old(cluster)

    unlimited()
    assert refresh(cluster, 0, current)[0] == 200


def test_clients_that_share_a_token_store_are_never_signed_out(cluster, pair_from, unlimited):
    pair = pair_from()
    store = {"refresh": pair["refresh"]}
    refused = []

    def client(number):
        for step in range(ROUNDS):
            read = store["refresh"]
            time.sleep(0.002 * ((number + step) % 5))
            status, token = refresh(cluster, (number + step) % 2, read)
            if status == 200:
                store["refresh"] = token
            else:
                refused.append((number, step, status, token))

    unlimited()
    for _ in range(3):
        at_once(client, range(8))
        unlimited()
        grow_old(cluster)

    assert refused == []
    assert refresh(cluster, 1, store["refresh"])[0] == 200


def test_a_sign_out_during_refreshes_wins_on_both_servers(cluster, pair_from, status, unlimited):
    pair = pair_from()
    jobs = ["refresh"] * 10 + ["revoke"] + ["refresh"] * 9
    numbered = list(enumerate(jobs))

    def job(numbered_job):
        number, what = numbered_job
        if what == "revoke":
            return end_by_revoke(cluster, pair, None), ""
        return refresh(cluster, number % 2, pair["refresh"])

    answers = at_once(job, numbered)

    assert {status for status, _ in answers} <= {200, 401}
    assert {refresh(cluster, number, pair["refresh"])[0] for number in (0, 1)} == {401}
    for status_code, token in answers:
        if status_code == 200 and token:
            assert refresh(cluster, 1, token)[0] == 401
    wait_until(lambda: status(1, pair) == REFUSED)


def test_a_thief_on_the_other_server_ends_the_sign_in_on_both(
    cluster, pair_from, status, unlimited
):
    pair = pair_from()
    _, owners = refresh(cluster, 0, pair["refresh"])
    grow_old(cluster)
    _, owners = refresh(cluster, 0, owners)

    thief = refresh(cluster, 1, pair["refresh"])

    assert thief == (401, "refresh_reused")
    assert refresh(cluster, 0, owners)[0] == 401
    for number in (0, 1):
        wait_until(lambda server=number: status(server, pair) == REFUSED)


# Redis down


@pytest.fixture
def without_redis(cluster):
    cluster.kill_redis()
    yield
    cluster.start_redis()
    cluster.wait_until_all_listen()


def test_without_redis_the_other_server_polls_the_database(cluster, pair_from, status, request):
    pair, others = pair_from(0), pair_from(1)
    assert [status(number, pair) for number in (0, 1)] == [GOOD, GOOD]
    request.getfixturevalue("without_redis")

    assert end_by_revoke(cluster, pair, None) == 200

    wait_until(lambda: status(1, pair) == REFUSED)
    assert status(0, pair) == REFUSED
    # Tokens of other sign-ins still work during the outage.
    assert [status(number, others) for number in (0, 1)] == [GOOD, GOOD]
    assert refresh(cluster, 1, others["refresh"])[0] == 200


def test_the_bell_works_again_after_redis_returns(cluster, pair_from, status):
    cluster.kill_redis()
    cluster.start_redis()
    pair = pair_from()
    assert [status(number, pair) for number in (0, 1)] == [GOOD, GOOD]
    cluster.wait_until_all_listen()

    end_by_revoke(cluster, pair, None)

    wait_until(lambda: status(1, pair) == REFUSED)


# Tabs of one browser, on another server than the one that changes the password


@pytest.fixture
def tabs():
    """Call `ask` in three threads until the test ends."""
    over = threading.Event()

    def run(ask):
        def until_over():
            while not over.is_set():
                ask()

        asking.extend(Asking(until_over) for _ in range(3))

    asking = []
    yield run
    over.set()
    assert [one.result() for one in asking] == [None] * len(asking)


def test_changing_the_password_on_one_server_keeps_tabs_on_the_other(cluster, email, tabs):
    here, there = (f"http://127.0.0.1:{port}" for port in cluster.ports)
    other = cluster.sign_in_by_page(1, email, PASSWORD)
    jar = {"session": cluster.sign_in_by_page(0, email, PASSWORD)}
    statuses = set()

    def take(answer):
        """As a browser does: a later answer replaces the cookie, or deletes it."""
        jar.update({one.name: one.value or "" for one in answer.cookies})
        if 'session=""' in answer.headers.get("Set-Cookie", ""):
            jar["session"] = ""
        return answer

    def ask():
        answer = requests.get(f"{there}/api/me/", cookies=dict(jar), timeout=30)
        statuses.add(take(answer).status_code)

    def change(old, new):
        path = f"{here}/accounts/password/change/"
        take(requests.get(path, cookies=dict(jar), timeout=30))
        form = {"oldpassword": old, "password1": new, "csrfmiddlewaretoken": jar["csrf"]}
        return take(requests.post(path, form, cookies=dict(jar), timeout=30, allow_redirects=False))

    tabs(ask)
    passwords = [PASSWORD, *(f"another {PASSWORD} {number}" for number in range(4))]
    changed = [change(*pair) for pair in pairwise(passwords)]

    assert [answer.headers.get("Location") for answer in changed] == ["/accounts/"] * 4
    assert [cluster.call(n, "GET", "/api/me/", cookie=jar["session"])[0] for n in (0, 1)] == [
        200,
        200,
    ]
    assert cluster.call(1, "GET", "/api/me/", cookie=other)[0] == 401
    _, rows = cluster.call(0, "GET", "/api/sessions/", cookie=jar["session"])
    assert len(rows["results"]) == 1
    assert statuses <= {200, 401}
