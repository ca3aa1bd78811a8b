"""Test the checks of mail with a real server, which gets a message only on request."""

import pytest

from doctor import mail
from tests.kit import certificates, sites
from tests.kit.smtp import smtp

SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    certificates.make(directory)
    return directory


@pytest.fixture
def trusted(directory, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(directory / "fullchain.pem"))


@pytest.fixture
def box(settings, public, directory, trusted):
    """Start a mail server with STARTTLS and a password, and configure the site for it."""
    with smtp(sites.tls(directory)) as box:
        use(settings, box)
        yield box


def use(settings, box, *, tls=True):
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP, "localhost", box.port
    settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = tls, False
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "munjigi", "right-password"
    settings.DEFAULT_FROM_EMAIL = "Munjigi <no-reply@example.com>"


def test_a_healthy_mail_server(told, box):
    assert told(mail.area(seconds=20)) == {
        "mail backend": ("ok", f"SMTP to localhost:{box.port}, STARTTLS", ""),
        "mail sender": ("ok", "no-reply@example.com", ""),
        "mail server": ("ok", "answers, TLSv1.3, signed in", ""),
    }
    assert box.received == []


def test_a_test_mail_arrives(told, box):
    lines = told(mail.area(seconds=20, mail_to="operator@example.com"))

    assert lines["mail test"] == (
        "ok",
        "sent to operator@example.com: check that it arrives, and not in the spam folder",
        "",
    )
    [message] = box.received
    assert "Subject: [Munjigi] Test mail" in message
    assert "From: Munjigi <no-reply@example.com>" in message
    assert "Auto-Submitted: auto-generated" in message
    assert (
        "Sent by `manage.py doctor --mail-to` for https://auth.example.com. Mail works." in message
    )


def test_a_refused_recipient_is_an_error(told, box):
    lines = told(mail.area(seconds=20, mail_to="nobody@example.com"))

    level, found, _ = lines["mail test"]
    assert level == "error"
    assert found == (f"localhost:{box.port}: {{'nobody@example.com': (550, b'no such user')}}")
    assert box.received == []


def test_a_wrong_password_is_reported_and_not_shown(told, box, settings):
    settings.EMAIL_HOST_PASSWORD = "wrong-password"

    assert told(mail.area(seconds=20))["mail server"] == (
        "error",
        "the server refuses the sign-in: 535 5.7.8 no, … is wrong",
        "Correct the user and the password in EMAIL_URL.",
    )


def test_a_mail_server_with_an_untrusted_certificate_is_an_error(told, box, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")

    level, found, advice = told(mail.area(seconds=20))["mail server"]

    assert (level, advice) == ("error", mail.PORTS)
    assert found.startswith(f"localhost:{box.port}: [SSL: CERTIFICATE_VERIFY_FAILED]")


def test_a_server_without_starttls_is_an_error(told, box, settings):
    with smtp() as plain:
        use(settings, plain)

        found = told(mail.area(seconds=20))["mail server"]

    assert found == (
        "error",
        f"localhost:{plain.port}: STARTTLS extension not supported by server.",
        mail.PORTS,
    )


def test_a_dead_address_is_an_error(told, box, settings):
    settings.EMAIL_PORT = 9

    assert told(mail.area(seconds=20))["mail server"] == (
        "error",
        "localhost:9: [Errno 111] Connection refused",
        mail.PORTS,
    )


def test_a_silent_server_is_an_error_within_the_limit(told, box, settings):
    with sites.silent() as port:
        settings.EMAIL_PORT = port

        found = told(mail.area(seconds=0.2))["mail server"]

    assert found == (
        "error",
        f"localhost:{port}: Connection unexpectedly closed: timed out",
        mail.PORTS,
    )


def test_sending_a_password_without_tls_is_an_error(told, box, settings):
    with smtp() as plain:
        use(settings, plain, tls=False)
        settings.EMAIL_HOST = "127.0.0.2"
        where = f"SMTP to 127.0.0.2:{plain.port}"
        clear = f"{where} in the clear: codes and reset links can be read on the way"

        password = told(mail.area(seconds=20))["mail backend"]
        settings.EMAIL_HOST_PASSWORD = ""
        none = told(mail.area(seconds=20))["mail backend"]
        settings.EMAIL_HOST = "localhost"
        local = told(mail.area(seconds=20))

    assert password == ("error", clear, "Use smtp+tls:// in EMAIL_URL.")
    assert none == ("warning", clear, "Use smtp+tls:// in EMAIL_URL.")
    assert local["mail backend"] == (
        "ok",
        f"SMTP to localhost:{plain.port}, on this machine",
        "",
    )
    assert local["mail server"] == ("ok", "answers, no TLS, signed in", "")


@pytest.mark.parametrize(
    ("backend", "fate"),
    [
        ("console", "printed"),
        ("filebased", "written to files"),
        ("locmem", "kept in memory"),
        ("dummy", "thrown away"),
    ],
)
@pytest.mark.parametrize(("where", "level"), [("public", "error"), ("laptop", "warning")])
def test_mail_that_is_not_sent_is_reported(told, settings, request, backend, fate, where, level):
    request.getfixturevalue(where)
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"

    lines = told(mail.area(seconds=20, mail_to="operator@example.com"))

    assert lines["mail backend"] == (
        level,
        f"mail is {fate}, not sent: people who sign up don't get their code",
        "Set EMAIL_URL. (With DEMO=1, the site shows these mails at /demo/mail/.)",
    )
    assert lines["mail server"] == ("skipped", "no mail server", "")
    assert lines["mail test"] == (
        "warning",
        f"not sent to operator@example.com: mail is {fate}",
        "Set EMAIL_URL.",
    )


def test_a_sender_that_servers_refuse_is_an_error(told, settings, public):
    settings.DEFAULT_FROM_EMAIL = "Munjigi <no-reply@localhost>"

    assert told(mail.area(seconds=20))["mail sender"] == (
        "error",
        "no-reply@localhost: mail servers refuse mail from localhost",
        "Set DEFAULT_FROM_EMAIL to an address that your mail server may send from.",
    )


def test_a_sender_of_a_laptop_may_be_local(told, settings, laptop):
    settings.DEFAULT_FROM_EMAIL = "Munjigi <no-reply@localhost>"

    assert told(mail.area(seconds=20))["mail sender"] == ("ok", "no-reply@localhost", "")


@pytest.mark.parametrize("sender", ["Munjigi", "", "@example.com"])
def test_a_sender_without_an_address_is_an_error(told, settings, public, sender):
    settings.DEFAULT_FROM_EMAIL = sender

    assert told(mail.area(seconds=20))["mail sender"] == (
        "error",
        f"DEFAULT_FROM_EMAIL={sender!r} is not an address",
        "Set DEFAULT_FROM_EMAIL to an address such as no-reply@example.com.",
    )
