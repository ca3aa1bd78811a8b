"""Name the city and country of an IP address by the operator's file."""

import logging
import os

import pytest
from django.core.checks import run_checks
from django.utils.translation import override

from accounts import places
from accounts.client_info import ClientInfo
from tests.kit.places import write


@pytest.fixture
def file(settings, tmp_path):
    settings.GEOIP_FILE = str(write(tmp_path / "cities.mmdb"))
    return tmp_path / "cities.mmdb"


@pytest.mark.parametrize(
    ("ip", "place"),
    [
        ("192.0.2.7", "Seoul, South Korea"),
        ("2001:db8::1", "Germany"),
        ("::ffff:192.0.2.7", "Seoul, South Korea"),
        ("203.0.113.1", ""),
        ("127.0.0.1", ""),
        ("no address", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_place_is_the_city_and_the_country(file, ip, place):
    assert places.place_of(ip) == place
    assert ClientInfo(ip=ip).place == place


@pytest.mark.parametrize(
    ("language", "place"),
    [("ko", "서울, 대한민국"), ("ko-kr", "서울, 대한민국"), ("fr", "Seoul, South Korea")],
)
def test_the_names_are_in_the_readers_language(file, language, place):
    with override(language):
        assert places.place_of("192.0.2.7") == place


def test_without_a_file_no_place_is_known(settings):
    settings.GEOIP_FILE = ""

    assert places.place_of("192.0.2.7") == ""


@pytest.mark.parametrize(
    "record", ["Seoul", 7, {"city": "Seoul"}, {"city": {"names": "Seoul"}}, {}]
)
def test_a_record_of_another_shape_is_no_place(settings, tmp_path, record):
    settings.GEOIP_FILE = str(write(tmp_path / "odd.mmdb", first=record))

    assert places.place_of("192.0.2.7") == ""


def test_a_new_file_is_read_at_once(file):
    assert places.place_of("192.0.2.7") == "Seoul, South Korea"
    new = {"country": {"names": {"en": "Japan"}}}
    write(file.with_name("new"), first=new).replace(file)
    os.utime(file, ns=(1, 1))

    assert places.place_of("192.0.2.7") == "Japan"


def test_a_file_that_fails_means_no_place_and_a_log_line(file, caplog):
    file.write_bytes(b"no database")
    os.utime(file, ns=(2, 2))

    with caplog.at_level(logging.WARNING):
        assert [places.place_of(f"192.0.2.{last}") for last in range(9)] == [""] * 9
    (line,) = [each.getMessage() for each in caplog.records]
    assert line.startswith("GEOIP_FILE can't be read: ")


def test_a_file_that_is_gone_means_no_place(file):
    file.unlink()

    assert places.place_of("192.0.2.7") == ""


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda path: None, "it can't be read: No such file or directory"),
        (lambda path: path.write_bytes(b"text"), "it isn't a MaxMind database"),
        (lambda path: write(path, kind="GeoLite2-ASN"), "it is of the type 'GeoLite2-ASN'"),
    ],
)
def test_the_site_does_not_start_with_a_wrong_file(settings, tmp_path, make, fault):
    path = tmp_path / "file"
    make(path)
    settings.GEOIP_FILE = str(path)

    [error] = [found for found in run_checks() if found.id == "accounts.E040"]

    assert error.msg == f"GEOIP_FILE={str(path)!r}: {fault}."


def test_the_site_starts_with_a_right_file(file):
    assert not [found for found in run_checks() if found.id == "accounts.E040"]
