"""One-time codes of an authenticator app (RFC 6238 over RFC 4226), and the recovery codes beside them: the rules,
without keeping anything."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
import unicodedata
from typing import Final
from urllib.parse import quote, urlencode

STEP_SECONDS: Final = 30
DIGITS: Final = 6
DRIFT_STEPS: Final = 1
"""How far a telephone's clock may be off, in steps each way (RFC 6238, section 5.2)."""
SECRET_BYTES: Final = 20
"""As long as SHA-1's output (RFC 4226, section 4)."""
RECOVERY_CODES: Final = 10
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_RECOVERY_LENGTH: Final = 16
"""Of 31 letters: 79 bits, so that the plain SHA-256 of one is worth no search."""


def new_secret() -> bytes:
    """A secret that an app and we share."""
    return secrets.token_bytes(SECRET_BYTES)


def step_of(at: float) -> int:
    """The number of the time step of a moment (epoch seconds, UTC)."""
    return int(at // STEP_SECONDS)


def code_of(secret: bytes, step: int) -> str:
    """The code of a step."""
    digest = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 15
    (number,) = struct.unpack(">I", digest[offset : offset + 4])
    return f"{(number & 0x7FFFFFFF) % 10**DIGITS:0{DIGITS}}"


def step_matching(secret: bytes, typed: str, at: float, after: int) -> int | None:
    """The step whose code this is, of those around a moment and later than the last one that was used (``after``: a
    code counts once); null where it is none."""
    found = None
    digits = digits_of(typed)
    for step in range(step_of(at) - DRIFT_STEPS, step_of(at) + DRIFT_STEPS + 1):
        same = hmac.compare_digest(code_of(secret, step), digits) if step >= 0 else False
        if same and step > after:
            found = step
    return found


def digits_of(typed: str) -> str:
    """What was typed as a code: width and spaces don't count."""
    return "".join(unicodedata.normalize("NFKC", typed).split()).encode("ascii", "replace").decode()


def shown(secret: bytes) -> str:
    """The secret as it is typed into an app: base32 in groups of four."""
    text = base64.b32encode(secret).decode().rstrip("=")
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def address(secret: bytes, login: str, issuer: str) -> str:
    """The otpauth address that the QR code holds, as the apps read it."""
    values = {"secret": base64.b32encode(secret).decode().rstrip("="), "issuer": issuer}
    return f"otpauth://totp/{quote(issuer)}:{quote(login)}?{urlencode(values, quote_via=quote)}"


def new_recovery_codes() -> list[str]:
    """Codes for whoever lost the telephone; each counts once."""
    return [_new_recovery_code() for _ in range(RECOVERY_CODES)]


def _new_recovery_code() -> str:
    text = "".join(secrets.choice(_ALPHABET) for _ in range(_RECOVERY_LENGTH))
    return "-".join(text[start : start + 4] for start in range(0, _RECOVERY_LENGTH, 4))


def recovery_key(typed: str) -> str:
    """What is kept of a recovery code: the SHA-256 of its letters; width, case, spaces and hyphens don't count."""
    folded = unicodedata.normalize("NFKC", typed).casefold()
    return hashlib.sha256("".join(one for one in folded if one.isalnum()).encode()).hexdigest()


def like_recovery_code(typed: str) -> bool:
    """Whether what was typed is longer than a code of an app can be."""
    return len(digits_of(typed)) > DIGITS
