"""Files that are broken, foreign or hostile: each row gets a reason, and no row stops the others."""

import io
import json
import tracemalloc
from itertools import islice

import pytest
from allauth.mfa.models import Authenticator

from accounts.client_info import ClientInfo
from accounts.factors import entry
from accounts.moving.errors import FileError, RefusedError
from accounts.moving.formats import csv_tables
from accounts.moving.formats.files import MAX_ROW
from accounts.moving.sources import firebase
from accounts.people.models import User
from tests.kit.factories import UserFactory
from tests.kit.factors import app_code, enrol_passkey, row_of
from tests.kit.operators import panel

GOOD = {"localId": "good", "email": "good@example.com"}
JSON_SOURCES = ["firebase", "keycloak", "cognito", "django", "auth0", "supabase", "munjigi"]
ALL = [*JSON_SOURCES, "clerk", "csv"]


def users(*items):
    return '{"users": [' + ",".join(items) + "]}"


def refused(ran):
    return [(line["row"], line["reason"]) for line in ran.report if line["outcome"] == "refused"]


@pytest.mark.parametrize("source", ALL)
@pytest.mark.parametrize("content", ["", " \n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(bring, source, content):
    ran = bring(source, content, is_name=False)

    assert ran.status == 1


@pytest.mark.parametrize("source", ALL)
@pytest.mark.parametrize("content", [b"\x00\x01\x02\xff" * 50, b"PK\x03\x04 a zip", b"%PDF-1.7\n"])
def test_a_file_of_another_kind_brings_nobody(bring, source, content):
    ran = bring(source, content, is_name=False)

    assert ran.status in {1, 3}
    assert not User.objects.exists()


@pytest.mark.parametrize("source", ["firebase", "keycloak", "cognito"])
def test_a_file_of_another_source_is_refused(bring, source):
    ran = bring(source, '{"people": [], "more": {"users": []}}', is_name=False)

    assert ran.status == 1
    assert "no JSON list" in str(ran.error)


@pytest.mark.parametrize("end", range(1, 90, 7))
def test_a_truncated_file_brings_the_whole_rows_and_fails(bring, end):
    whole = users(json.dumps(GOOD), json.dumps(GOOD | {"localId": "b", "email": "b@example.com"}))

    ran = bring("firebase", whole[:-end], is_name=False)

    assert ran.status == 1
    assert "truncated" in str(ran.error)
    assert User.objects.count() == (2 if end < 3 else 1 if end < 47 else 0)


def test_a_row_without_valid_json_stops_no_other(bring):
    content = users("{bad}", '{"localId": }', json.dumps(GOOD), "[1, [2]]", "7", '"text"', "null")

    ran = bring("firebase", content, is_name=False)

    assert refused(ran) == [
        *((1, "bad_json"), (2, "bad_json")),
        *((number, "not_an_object") for number in (4, 5, 6, 7)),
    ]
    assert User.objects.count() == 1


def test_a_row_without_valid_json_refuses_none_of_those_after_it():
    """A bad row makes the reader look a megabyte ahead, and hundreds of good rows are in there."""
    good = [json.dumps(GOOD | {"localId": str(n), "pad": "x" * 999}) for n in range(2500)]
    text = users(*good[:100], "{bad}", *good[100:])

    read = [row.content for row in firebase.rows(io.StringIO(text), None)]

    assert [isinstance(row, dict) for row in read] == [True] * 100 + [False] + [True] * 2400


@pytest.mark.parametrize(
    "text",
    [
        '{"users": [{"a": 1}, {"b": 2 ]}',
        '{"users": [{"a": 1} }',
        '[{"a": 1} } ]',
        '{"users": [{"a": 1} } , {"b": 2} ] }',
    ],
)
def test_a_wrong_bracket_ends_the_run(text):
    """The reader found no end of such a row, and refused it again and again until the disk was full."""
    rows = firebase.rows(io.StringIO(text), None)

    assert next(rows).content == {"a": 1}
    with pytest.raises(FileError, match="no valid JSON"):
        list(islice(rows, 9))


@pytest.mark.slow
def test_a_huge_row_stops_no_other(bring):
    huge = json.dumps(GOOD | {"localId": "huge", "displayName": 'x"{[' * MAX_ROW})

    ran = bring("firebase", users(huge, json.dumps(GOOD)), is_name=False)

    assert refused(ran) == [(1, "too_long")]
    assert User.objects.count() == 1


def test_a_huge_line_stops_no_other(bring):
    lines = ["x" * (3 * MAX_ROW), json.dumps({"user_id": "a|1", "email": "a@example.com"}), "{"]

    ran = bring("auth0", "\n".join(lines), is_name=False)

    assert refused(ran) == [(1, "too_long"), (3, "bad_json")]
    assert User.objects.count() == 1


def test_a_huge_line_of_csv_stops_no_other(bring):
    lines = ["id,email", "1," + "x" * (2 * MAX_ROW), "2,b@example.com", '3,"unclosed']

    ran = bring("csv", "\n".join(lines), is_name=False)

    assert refused(ran) == [(2, "too_long"), (4, "bad_csv")]
    assert User.objects.count() == 1


def test_deep_nesting_is_refused(bring):
    ran = bring("firebase", users("[" * 200_000 + "]" * 200_000, json.dumps(GOOD)), is_name=False)

    assert refused(ran) == [(1, "bad_json")]
    assert User.objects.count() == 1


@pytest.mark.slow
def test_a_large_file_costs_little_memory(tmp_path):
    path = tmp_path / "users.json"
    with path.open("w") as file:
        file.write('{"first": ["' + "x" * 20_000_000 + '"], "users": [')
        file.write(",".join(json.dumps(GOOD | {"localId": str(n)}) for n in range(50_000)))
        file.write("]}")
    tracemalloc.start()
    with path.open() as file:
        assert sum(1 for _row in firebase.rows(file, None)) == 50_000
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8_000_000


@pytest.mark.slow
def test_a_row_of_many_lines_costs_little_memory(tmp_path):
    """Quotes hold the ends of its lines, and no line is long."""
    path = tmp_path / "users.csv"
    line = "x" * 50 + '","\n'
    path.write_text('id,email\n"\n' + line * 200_000 + '"\n1,good@example.com\n')
    tracemalloc.start()
    with path.open() as file:
        contents = (row.content for row in csv_tables.rows(file, needed={"id"}))
        reasons = {each.reason for each in contents if isinstance(each, RefusedError)}
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert reasons == {"bad_csv"}
    assert peak < 8_000_000


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_the_encoding(bring, encoding):
    content = "id,email,name\n1,a@example.com,김하나\n"

    ran = bring("csv", content.encode(encoding), is_name=False)

    assert ran.status == 0
    assert User.objects.get().display_name == "김하나"


def test_cp949_is_refused_row_by_row_unless_it_is_named(bring):
    content = "id,email,name\n1,a@example.com,김하나\n2,b@example.com,Bo\n".encode("cp949")

    ran = bring("csv", content, is_name=False)
    assert refused(ran) == [(2, "bad_encoding")]

    assert bring("csv", content, "--encoding", "cp949", is_name=False).status == 0
    assert User.objects.get(email="a@example.com").display_name == "김하나"


@pytest.mark.parametrize("encoding", ["martian", "base64", "hex", "idna", "undefined"])
def test_an_unknown_encoding_is_named(bring, encoding):
    ran = bring("csv", "id,email\n", "--encoding", encoding, is_name=False)

    assert str(ran.error) == f"{encoding} is no encoding. Write utf-8, utf-16 or cp949."


def test_a_file_of_another_encoding_is_named(bring):
    ran = bring("csv", "id,email\n1,a@example.com\n", "--encoding", "utf-16", is_name=False)

    assert ran.status == 1
    assert str(ran.error).endswith("input: this file is not utf-16. Check --encoding.")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_has_one_of_three_separators(bring, separator):
    content = f"ID{separator}Email\r\n1{separator}a@example.com\r\n\r\n"

    assert bring("csv", content, is_name=False).status == 0


def test_csv_without_names_of_columns_is_refused(bring):
    ran = bring("csv", "1,a@example.com\n", is_name=False)

    assert "Missing: email, id" in str(ran.error)


def test_csv_that_names_a_column_twice_is_refused(bring):
    """Nobody knows which of the two addresses is meant."""
    content = "id,email,Email ,,\n1,old@example.com,new@example.com,,\n"

    ran = bring("csv", content, is_name=False)

    assert str(ran.error) == "The first line names a column twice: email."
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"localId": None}, "no_id"),
        ({"localId": "x" * 256}, "no_id"),
        ({"localId": {"a": 1}}, "wrong_type"),
        ({"localId": True}, "wrong_type"),
        ({"localId": "a\x00b"}, "bad_encoding"),
        ({"localId": "\ud800"}, "bad_encoding"),
        ({"email": None}, "no_email"),
        ({"email": ["a@example.com"]}, "wrong_type"),
        ({"email": 5}, "bad_email"),
        ({"email": "not an email"}, "bad_email"),
        ({"email": "a@example.com, b@example.com"}, "bad_email"),
        ({"email": "a" * 5000 + "@example.com"}, "too_long"),
        ({"email": f"a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.{'f' * 20}.com"}, "bad_email"),
        ({"emailVerified": "perhaps"}, "wrong_type"),
        ({"emailVerified": {}}, "wrong_type"),
        ({"disabled": []}, "wrong_type"),
        ({"displayName": 1.5}, "wrong_type"),
        ({"providerUserInfo": "google"}, "wrong_type"),
        ({"providerUserInfo": ["google"]}, "wrong_type"),
        ({"providerUserInfo": {"providerId": "google.com"}}, "wrong_type"),
        ({"mfaInfo": 1}, "wrong_type"),
    ],
)
def test_a_row_with_a_wrong_value_gets_a_reason(bring, change, reason):
    other = GOOD | {"localId": "other", "email": "other@example.com"}

    ran = bring("firebase", users(json.dumps(GOOD | change), json.dumps(other)), is_name=False)

    assert refused(ran) == [(1, reason)]
    assert User.objects.get().email == "other@example.com"


@pytest.mark.parametrize(
    "change",
    [
        {"createdAt": "yesterday"},
        {"createdAt": 10**400},
        {"createdAt": -(10**20)},
        {"createdAt": {}},
        {"createdAt": "99999-01-01"},
        {"createdAt": "9999-12-31T23:59:59Z"},
        {"createdAt": "9999-12-31T23:59:59-09:00"},
        {"createdAt": "0001-01-01T00:00:00Z"},
        {"createdAt": "0001-01-01T00:00:00+09:00"},
        {"createdAt": 253_402_300_799},
        {"createdAt": -62_135_596_800},
        {"displayName": "\u202e\u0007"},
        {"displayName": "x" * 4000},
        {"displayName": None},
        {"customAttributes": "{"},
        {"providerUserInfo": [{"providerId": "google.com", "rawId": "x" * 300}]},
        {"providerUserInfo": [{"providerId": "google.com"}]},
        {"passwordHash": "*", "salt": None},
    ],
)
def test_a_row_with_an_odd_value_comes_without_it(bring, change):
    ran = bring("firebase", users(json.dumps(GOOD | change)), is_name=False)

    assert refused(ran) == []
    assert User.objects.count() == 1
    assert panel("superuser").get("/admin/accounts/user/").status_code == 200


def passkey():
    """Return what a row stores of a passkey, which the other site had."""
    user = UserFactory()
    enrol_passkey(user)
    data = row_of(user, "webauthn").data
    user.delete()
    return data


CODES = {"salt": "ab" * 16, "left": ["cd"], "used": 1}
DAMAGED_FACTORS = [
    *({"salt": salt} for salt in ("", "ab", "zz" * 16, "AB" * 16, "ab" * 30_000, "ab" * 15 + "é")),
    *({"left": left} for left in ("cd", [1], [None], [{}], ["cd"] * 11, {"0": "cd"})),
    *({"used": used} for used in (-1, True, 1.0, 10**30, "1")),
    *({"name": name} for name in (5, None, "x" * 61)),
    *({"credential_id": id_} for id_ in ("", "%%%", "é", "AAAA")),
    *({"attested": text} for text in ("", "AAAA", "é", "A" * 60_000)),
    *({"transports": given} for given in ("usb", [1], None)),
    *({name: -1} for name in ("changes", "sign_count")),
    *({name: None} for name in ("changes", "sign_count", "is_passkey", "is_syncable", "is_synced")),
]


@pytest.mark.parametrize("damage", DAMAGED_FACTORS, ids=range(len(DAMAGED_FACTORS)))
def test_a_damaged_factor_stays_outside(bring, damage):
    """It would answer each second step of its account with an error of ours."""
    kind, whole = (
        ("recovery_codes", CODES) if damage.keys() <= CODES.keys() else ("webauthn", passkey())
    )
    factors = [{"type": kind, "data": whole | damage}, {"type": kind, "data": whole}]

    ran = bring("munjigi", json.dumps(WHOLE | {"factors": factors[:1]}), is_name=False)

    assert [line["reason"] for line in ran.report] == ["hash_unknown", "factor"]
    assert not Authenticator.objects.exists()
    other = {"munjigi": 1, "user": WHOLE["user"] | {"id": "2", "email": "b@example.com"}}
    bring("munjigi", json.dumps(other | {"factors": factors[1:]}), is_name=False)
    assert Authenticator.objects.get().data == whole


@pytest.mark.parametrize("step", [10**30, True, -5, 1.5, None, "1", 10**9])
def test_an_app_opens_whatever_step_its_file_has(bring, step):
    secret = WHOLE["factors"][0]["data"]["secret"]
    factor = {"type": "totp", "data": {"secret": secret, "step": step}}

    bring("munjigi", json.dumps(WHOLE | {"factors": [factor]}), is_name=False)

    assert entry.check(User.objects.get(), app_code(secret), client=ClientInfo())


ODD_VALUES = [None, 0, -1, 1.5, True, "", "text", "[", [], [1], [None], {}, {"a": 1}, "x" * 5000]


WHOLE = {
    "munjigi": 1,
    "user": {"id": "1", "email": "a@example.com", "is_active": True, "password": "x", "locale": ""},
    "addresses": [{"email": "a@example.com", "verified": True, "primary": True}],
    "connections": [{"provider": "google", "uid": "g-1", "extra_data": {"name": "A"}}],
    "factors": [{"type": "totp", "data": {"secret": "JBSWY3DPEHPK3PXPJBSWY3DP", "step": 1}}],
    "external_ids": [{"source": "firebase", "external_id": "1"}],
}


def _changed(part, name, odd):
    return part | {name: odd} if isinstance(part, dict) else [part[0] | {name: odd}]


@pytest.mark.parametrize("source", JSON_SOURCES)
def test_no_value_of_a_wrong_type_stops_a_source(bring, source):
    """Each member of each sample gets each odd value: the run ends, with every row counted."""
    from tests.kit.moving import SAMPLES  # noqa: PLC0415

    path = next((p for p in SAMPLES.glob(f"{source}.*") if p.suffix in {".json", ".jsonl"}), None)
    if path is None:
        rows = [WHOLE]
    elif path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        content = json.loads(path.read_text())
        rows = content if isinstance(content, list) else content.get("users") or content["Users"]
    changed = [row | {name: odd} for row in rows[:2] for name in row for odd in ODD_VALUES] + [
        row | {"fields": row["fields"] | {name: odd}}
        for row in rows
        if isinstance(row.get("fields"), dict)
        for name in row["fields"]
        for odd in ODD_VALUES
    ]
    changed += [
        WHOLE | {part: _changed(WHOLE[part], name, odd)}
        for part in WHOLE
        if source == "munjigi" and isinstance(WHOLE[part], dict | list)
        for name in (WHOLE[part] if isinstance(WHOLE[part], dict) else WHOLE[part][0])
        for odd in ODD_VALUES
    ]
    if path is None or path.suffix == ".jsonl":
        text = "\n".join(map(json.dumps, changed))
    else:
        text = json.dumps(changed)

    ran = bring(source, text, "--dry-run", is_name=False)

    assert ran.status in {0, 3}
    assert "rows" in ran.output


def test_a_missing_file_is_named(db):
    from django.core.management import CommandError, call_command  # noqa: PLC0415

    with pytest.raises(CommandError, match="No such file"):
        call_command("import_users", "/nowhere.json", "--from", "firebase")


@pytest.mark.parametrize("content", ["", "rounds: 8", "base64_signer_key: *\nrounds: many"])
def test_bad_hash_parameters_are_refused(bring, tmp_path, content):
    parameters = tmp_path / "parameters.txt"
    parameters.write_text(content)

    ran = bring("firebase", "firebase.json", "--hash-parameters", str(parameters))

    assert "base64_signer_key" in str(ran.error)
    assert not User.objects.exists()


def test_known_passwords_need_two_columns(bring, tmp_path):
    known = tmp_path / "known.csv"
    known.write_text("a@example.com\n")

    ran = bring("firebase", "firebase.json", "--check-passwords", str(known))

    assert ran.status == 1
