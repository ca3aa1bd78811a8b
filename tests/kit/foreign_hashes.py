"""Password hashes of other systems, with the passwords that open them."""

import hashlib
import json
from base64 import b64decode, b64encode
from dataclasses import replace

import bcrypt
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from accounts.moving import hashes
from accounts.moving.hashes import FirebaseParameters

# The example of https://github.com/firebase/scrypt
FIREBASE = {
    "password": "user1password",
    "salt": "42xEC+ixf3L2lw==",
    "hash": "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
}
SIGNER_KEY = (
    "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
)
FIREBASE_PARAMETERS = FirebaseParameters(
    signer_key=b64decode(SIGNER_KEY), separator=b64decode("Bw=="), rounds=8, memory=14
)
BCRYPT = {
    "password": "a password there",
    "hash": "$2b$04$oML9LWP0gvVgs0Q.K33njem6RpHnQrNfk1EMkDZ4iAtBBm45wssrO",
    "hash_of_72": "$2b$04$rQU3pf5wZY5y9WqFnvtNPeUmZDqkDBR0ixsd1vQQ1X1oXNoX8cyJ.",
}
ARGON2 = {
    "password": "a password there",
    "hash": "$argon2id$v=19$m=64,t=1,p=1$NY2o0FPdBUZKz8j4GZoqtQ$WCpbptn4kCMy0Q9Zces/wOU8bvhzDV2SFhaxbbeIxq8",
}
SALT = bytes(range(16))


def keycloak_pbkdf2(password: str, digest: str, iterations: int) -> dict[str, str]:
    """Return a credential as Keycloak's export has it: 64 bytes of PBKDF2."""
    raw = hashlib.pbkdf2_hmac(digest, password.encode(), SALT, iterations, 64)
    algorithm = "pbkdf2" if digest == "sha1" else f"pbkdf2-{digest}"
    return _credential(raw, {"hashIterations": iterations, "algorithm": algorithm})


def keycloak_argon2(password: str) -> dict[str, str]:
    raw = hash_secret_raw(password.encode(), SALT, 1, 64, 1, 32, Type.ID)
    more = {"hashLength": ["32"], "memory": ["64"], "type": ["id"], "version": ["1.3"]}
    more["parallelism"] = ["1"]
    return _credential(
        raw, {"hashIterations": 1, "algorithm": "argon2", "additionalParameters": more}
    )


def _credential(raw: bytes, how: dict[str, object]) -> dict[str, str]:
    secret = {"value": b64encode(raw).decode(), "salt": b64encode(SALT).decode()}
    return {
        "type": "password",
        "secretData": json.dumps(secret),
        "credentialData": json.dumps(how),
    }


def stored_bcrypt(password: str) -> str:
    return hashes.stored(bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode())


def stored_keycloak(password: str) -> str:
    return hashes.of_keycloak(keycloak_pbkdf2(password, "sha512", 1000))


def stored_firebase(password: str) -> str:
    """Return the stored form of a hash that Firebase would make, with a cheap `mem_cost`."""
    cheap = replace(FIREBASE_PARAMETERS, memory=4)
    salt = SALT + cheap.separator
    key = hashlib.scrypt(password.encode(), salt=salt, n=16, r=8, p=1, dklen=32)
    cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    hashed = b64encode(cipher.update(cheap.signer_key)).decode()
    return hashes.of_firebase(hashed, b64encode(SALT).decode(), cheap)
