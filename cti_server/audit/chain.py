"""What an entry of the trail is bound by: a digest over what it says, and one over that and the entry before it.

The form is for ever: seals that were carried away long ago are compared with digests made by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

SALT_BYTES: Final = 16
"""A salt of its own keeps what an erased entry said from being guessed by trying."""
ERASED: Final = "erased"
"""The act of the entry that tells of an erasure: its detail has the places, `entries`: [[chain, first, last]...]."""
PERSON: Final = "customer"
"""The kind of subject whose id names a person. Ids of others (calls, users, exchanges) stay when a person is erased."""

_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""Keys stay in the order in which they were written, which both databases keep."""


class Entry(NamedTuple):
    """A row of the trail as it is stored. ``detail`` is JSON text; ``personal``, the digest of what named a person, is
    kept of erased entries only."""

    id: Any
    chain: Any
    position: Any
    at: Any
    user: Any
    act: Any
    subject_kind: Any
    subject_id: Any
    customer_code: Any
    detail: Any
    salt: Any
    personal: Any
    digest: Any

    @property
    def erased(self) -> bool:
        """Whether what named a person was taken out; when, who and what was done stay, and stay proven."""
        return self.salt is None


class Head(NamedTuple):
    """Where a chain ends: how many entries it has, and the digest of the last."""

    chain: int
    length: int
    digest: bytes


def start(chain: int) -> bytes:
    """What the first entry of a chain follows on."""
    return sha256(b"yobirin audit chain %d" % chain).digest()


def personal_digest(salt: bytes, subject: str | None, code: str | None, detail: Mapping[str, Any]) -> bytes:
    """The digest of what may name a person. ``subject``: the subject's id where it is one."""
    return sha256(salt + _encode([subject, code, detail]).encode("ascii")).digest()


def content(at: float, user: str | None, act: str, kind: str, subject: str, personal: bytes) -> bytes:
    """What an entry is bound by: the digest of what may name a person, and the rest as it is."""
    open_subject = None if kind == PERSON else subject
    return personal + _encode([at, user, act, kind, open_subject]).encode("ascii")


def entry_digest(before: bytes, position: int, said: bytes) -> bytes:
    """The digest that stands with an entry: it binds what the entry says (`content`) to its place and to all entries
    before."""
    return sha256(before + position.to_bytes(8, "big") + said).digest()


def content_of(entry: Entry) -> bytes | None:
    """What a stored entry says now; null where it isn't even of the kind that was written."""
    try:
        subject = entry.subject_id if entry.subject_kind == PERSON else None
        if not entry.erased:
            personal = personal_digest(entry.salt, subject, entry.customer_code, json.loads(entry.detail))
        elif entry.detail == "{}" and entry.customer_code is None and not subject and len(entry.personal) == 32:
            personal = bytes(entry.personal)
        else:
            return None
        return content(float(entry.at), entry.user, entry.act, entry.subject_kind, entry.subject_id, personal)
    except (TypeError, ValueError):
        return None


class Linked(NamedTuple):
    """What the chain adds to an entry."""

    position: int
    salt: bytes
    digest: bytes


class Appending:
    """The end of a chain while entries are put to it."""

    def __init__(self, head: Head, salts: bytes) -> None:
        """``salts``: random, `SALT_BYTES` for each entry that comes."""
        self.chain = head.chain
        self.length = head.length
        self.digest = head.digest
        self._salts = salts
        self._used = 0

    def put(self, row: Mapping[str, Any]) -> Linked:
        """Binds the next entry, given as a row of the table."""
        salt = self._salts[self._used : self._used + SALT_BYTES]
        self._used += SALT_BYTES
        kind, subject = row["subject_kind"], row["subject_id"]
        personal = personal_digest(salt, subject if kind == PERSON else None, row["customer_code"], row["detail"])
        self.length += 1
        said = content(float(row["at"]), row["user"], row["act"], kind, subject, personal)
        self.digest = entry_digest(self.digest, self.length, said)
        return Linked(self.length, salt, self.digest)
