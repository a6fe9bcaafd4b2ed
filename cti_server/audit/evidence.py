"""Entries of the trail as they stand in an evidence pack (`pack_verifier.digest_of` reads them). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from cti_server.audit.chain import PERSON, personal_digest


class StoredEntry(Protocol):
    """A row of the trail."""

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


def shown(row: StoredEntry, proof: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """An entry with its proof. Not ``whole``: of what may name a person only the digest."""
    told = {name: getattr(row, name) for name in ("chain", "position", "at", "user", "act", "subject_kind")}
    is_person = row.subject_kind == PERSON
    if whole and row.salt is not None:
        about = {"subject_id": row.subject_id, "salt": row.salt.hex()}
        about |= {"customer_code": row.customer_code, "detail": row.detail}
    else:
        personal = row.personal
        if row.salt is not None:
            subject = row.subject_id if is_person else None
            personal = personal_digest(row.salt, subject, row.customer_code, row.detail)
        about = {"subject_id": None if is_person else row.subject_id, "personal": personal.hex()}
    return told | about | dict(proof) | {"digest": row.digest.hex()}
