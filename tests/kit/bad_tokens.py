"""Make bad access tokens from a good pair, in every way that the tests know."""

import json

from cryptography.hazmat.primitives.asymmetric import ec

from api.keys.models import SigningKey
from tests.kit import forge

YEAR_2100 = 4_102_444_800


def stranger(**header):
    def make(pair):
        return forge.by_a_stranger(
            pair["access"], ec.generate_private_key(ec.SECP256R1()), **header
        )

    return make


def header(**members):
    return lambda pair: forge.changed(pair["access"], header=members)


def payload(**members):
    return lambda pair: forge.changed(pair["access"], payload=members)


def without(name):
    return lambda pair: forge.changed(pair["access"], without=[name])


def unsigned(alg, *, kept):
    def make(pair):
        _, claims, signature = pair["access"].split(".")
        head = forge.segment(forge.part(pair["access"], 0) | {"alg": alg})
        return f"{head}.{claims}.{signature if kept else ''}"

    return make


def doubled(index):
    def make(pair):
        texts = [json.dumps(forge.part(pair["access"], n)) for n in (0, 1)]
        name = ["typ", "sub"][index]
        texts[index] = '{"%s": "at+jwt", %s' % (name, texts[index][1:])
        return forge.signed(*(text.encode() for text in texts))

    return make


def raw(body):
    return lambda pair: forge.signed(forge.part(pair["access"], 0), body)


def form(template):
    return lambda pair: template.format(*pair["access"].split("."))


BAD = {
    "nothing": lambda pair: "",
    "no token": lambda pair: "x",
    "three dots": lambda pair: "a.b.c",
    "a refresh token": lambda pair: pair["refresh"],
    "alg none": unsigned("none", kept=False),
    "alg none, signature kept": unsigned("none", kept=True),
    "alg None": unsigned("None", kept=True),
    "alg nOnE": unsigned("nOnE", kept=False),
    "alg empty": unsigned("", kept=True),
    "alg null": unsigned(None, kept=True),
    "HMAC with the public key": lambda pair: forge.hs256(
        pair["access"], SigningKey.objects.get().public_pem
    ),
    "HMAC with the secret key": lambda pair: forge.hs256(pair["access"], "tests" * 12),
    "a stranger's key": stranger(),
    "jku": stranger(jku="http://127.0.0.1:9/jwks.json"),
    "x5u": stranger(x5u="http://127.0.0.1:9/cert.pem"),
    "jwk": stranger(jwk={"kty": "EC"}, x5c=["MIIB"]),
    **{
        f"kid {kid!r:.30}": header(kid=kid)
        for kid in (
            "unknown",
            "",
            None,
            1,
            ["a"],
            {"a": "b"},
            "../../../../dev/null",
            "https://evil.example/key.pem",
            "' OR 1=1 --",
            "a\x00b",
            "\ud800",
            "k" * 2000,
        )
    },
    **{
        f"typ {typ!r}": header(typ=typ)
        for typ in ("JWT", "", None, "rt+jwt", "id+jwt", "at+jwt ", 1, ["at+jwt"], "logout+jwt")
    },
    **{f"crit {crit!r}": header(crit=crit) for crit in (["exp"], [], "exp", None)},
    "b64 false": header(b64=False),
    **{
        f"no {name}": without(name)
        for name in ("iss", "aud", "exp", "iat", "jti", "sid", "sub", "client_id")
    },
    **{
        repr(members): payload(**members)
        for members in (
            {"iss": "https://evil.example"},
            {"iss": "http://testserver/"},
            {"iss": ["http://testserver"]},
            {"iss": None},
            {"aud": "https://other.example"},
            {"aud": []},
            {"aud": None},
            {"iat": YEAR_2100},
            {"iat": "soon"},
            {"exp": 1_700_000_000},
            {"exp": 0},
            {"exp": None},
            {"exp": "never"},
            {"nbf": YEAR_2100},
            {"jti": None},
            {"jti": 1},
            {"sid": "x"},
            {"sid": None},
            {"sid": 1},
            {"sub": None},
            {"sub": 1},
        )
    },
    "header doubled": doubled(0),
    "payload doubled": doubled(1),
    **{
        f"payload {body!r:.20}": raw(body)
        for body in (b"", b"null", b"[]", b"1", b"{", b"\xff\xfe", b"[" * 2500)
    },
    **{
        template: form(template)
        for template in (
            "{0}.{1}",
            "{0}.{1}.",
            ".{1}.{2}",
            "{0}.{1}.{2}.",
            "{0}.{1}.{2}=",
            "{0} .{1}.{2}",
            "{0}.{1}. {2}",
            "{0}.{1}.{2}a",
            "{0}/{1}/{2}",
            "{0}.{1}.{2},{2}",
            '"{0}.{1}.{2}"',
        )
    },
    "too long": lambda pair: forge.changed(pair["access"], payload={"padding": "x" * 5000}),
    "a megabyte": lambda pair: "a" * 1_000_000,
}
