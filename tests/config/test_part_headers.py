"""A bad header of a part of a form is left out, and causes no 500."""

import pytest
from django.test import Client

from config import part_headers

MULTIPART = "multipart/form-data; boundary=x"
BAD = [
    "name*=a; name*0=b",
    "name*0=a; name*=b",
    "name*=unknown''a",
    "name*=idna''a",
    "name*=zlib''a",
]


def test_a_good_header_is_read():
    found = part_headers.read("content-disposition: form-data; name=\"a\"; filename*=utf-8''%C3%A9")

    assert found == ("content-disposition: form-data", {"name": "a", "filename": "é"})


@pytest.mark.parametrize("parameters", BAD[:3])
def test_a_bad_header_is_a_value_error(parameters):
    with pytest.raises(ValueError, match=r"read|encoding"):
        part_headers.read(f"content-disposition: form-data; {parameters}")


@pytest.mark.django_db
@pytest.mark.parametrize("parameters", BAD)
@pytest.mark.parametrize("path", ["/accounts/login/", "/api/token/", "/admin/login/"])
def test_a_form_with_a_bad_header_is_no_500(path, parameters, caplog):
    body = f"--x\r\nContent-Disposition: form-data; {parameters}\r\n\r\na\r\n--x--\r\n".encode()
    browser = Client(raise_request_exception=False)

    answer = browser.post(path, body, content_type=MULTIPART)

    assert answer.status_code < 500
    assert not [line for line in caplog.records if line.levelname == "ERROR"]
