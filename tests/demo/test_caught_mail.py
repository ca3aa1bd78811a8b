"""Show caught mail under DEMO=1 only."""

import pytest
from django.core.mail import EmailMessage, get_connection


@pytest.fixture
def caught(settings, tmp_path, db):
    """Catch a mail as the worker would."""
    settings.DEMO = True
    settings.ROOT_URLCONF = "demo.urls"
    settings.EMAIL_FILE_PATH = tmp_path

    def run(subject="Your code", body="ABCD-EFGH", to="to@example.com"):
        connection = get_connection("django.core.mail.backends.filebased.EmailBackend")
        EmailMessage(subject, body, "from@example.com", [to], connection=connection).send()

    return run


def test_the_viewer_is_404_outside_a_demo(client, db, settings):
    settings.DEMO = False

    response = client.get("/demo/mail/")

    assert response.status_code == 404


def test_the_viewer_works_without_mail(client, caught):
    response = client.get("/demo/mail/")

    assert response.status_code == 200


def test_the_viewer_works_without_its_directory(client, caught, settings, tmp_path):
    settings.EMAIL_FILE_PATH = tmp_path / "nothing"

    response = client.get("/demo/mail/")

    assert response.status_code == 200


def test_caught_mail_is_shown_and_not_kept(client, caught):
    caught(subject="인증 코드", body="코드: ABCD-EFGH")

    response = client.get("/demo/mail/")

    for text in ("인증 코드", "코드: ABCD-EFGH", "to@example.com"):
        assert text in response.text
    assert "no-store" in response["Cache-Control"]


def test_markup_in_a_mail_is_shown_as_text(client, caught):
    caught(subject="<script>alert(1)</script>", body="<img src=x onerror=alert(1)>")

    response = client.get("/demo/mail/")

    assert "<script>alert" not in response.text
    assert "<img src=x" not in response.text


@pytest.mark.parametrize("page", ["0", "-1", "x", "999", "9" * 30])
def test_an_invalid_page_number_shows_a_page(client, caught, page):
    caught()

    response = client.get("/demo/mail/", {"page": page})

    assert response.status_code == 200


def test_a_broken_file_is_no_server_error(client, caught, tmp_path):
    (tmp_path / "20260101-000000-1.log").write_bytes(b"\xff\xfe\x00 not a mail")
    (tmp_path / "20260101-000000-2.log").write_bytes(b"")

    response = client.get("/demo/mail/")

    assert response.status_code == 200


def test_only_reading_is_allowed(client, caught):
    assert client.post("/demo/mail/").status_code == 405


@pytest.mark.parametrize("address", ["192.0.2.7", "10.0.0.1", "2001:db8::1", ""])
def test_another_machine_reads_no_mail(client, caught, address):
    caught()

    assert client.get("/demo/mail/", REMOTE_ADDR=address).status_code == 404


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1"])
def test_this_machine_reads_the_mail(client, caught, address):
    caught()

    assert "ABCD-EFGH" in client.get("/demo/mail/", REMOTE_ADDR=address).text
