"""Seals: where all chains ended at a moment. One that was carried away proves what the trail was then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from cti_server.audit.chain import Head
from cti_server.shared.errors import Invalid

FORMAT: Final = "yobirin audit seals 1"


class Seal(NamedTuple):
    """``number`` counts from 1; ``at`` is epoch seconds, UTC; digests are in hex."""

    number: int
    at: float
    heads: list[list[Any]]
    """[chain, length, digest of its last entry, root over the entries since the seal before (`tree`; empty: none)]."""
    previous: str
    """The digest of the seal before; empty for the first."""
    digest: str


def sealed(before: Seal | None, at: float, heads: Iterable[tuple[Head, bytes]]) -> Seal:
    """The next seal, of where each chain ends and the root over its entries since the seal before."""
    number, previous = (1, "") if before is None else (before.number + 1, before.digest)
    ends = [[head.chain, head.length, head.digest.hex(), root.hex()] for head, root in sorted(heads)]
    return Seal(number, float(at), ends, previous, _digest(number, float(at), ends, previous))


def _digest(number: int, at: float, heads: list[list[Any]], previous: str) -> str:
    return sha256(json.dumps([number, at, heads, previous], separators=(",", ":")).encode("ascii")).hexdigest()


def lengths(seal: Seal | None) -> dict[int, int]:
    """How long each chain was then."""
    return {} if seal is None else {chain: length for chain, length, _end, _root in seal.heads}


def holds(seal: Seal) -> bool:
    """Whether the seal is as it was made."""
    return _digest(seal.number, seal.at, seal.heads, seal.previous) == seal.digest


def exported(seals: Sequence[Seal]) -> str:
    """The seals as a file to carry away."""
    return json.dumps({"format": FORMAT, "seals": [seal._asdict() for seal in seals]}, indent=1) + "\n"


def read(text: str, name: str) -> list[Seal]:
    """The seals of a file. Raises Invalid where it is none, or one of them is not as it was made."""
    try:
        whole = json.loads(text)
        if whole["format"] != FORMAT:
            raise ValueError(whole["format"])
        seals = [
            Seal(
                int(one["number"]),
                float(one["at"]),
                [[int(chain), int(length), str(end), str(root)] for chain, length, end, root in one["heads"]],
                str(one["previous"]),
                str(one["digest"]),
            )
            for one in whole["seals"]
        ]
    except (ValueError, KeyError, TypeError) as bad:
        raise Invalid(
            f"{name} is no file of seals; name one that “cti audit seals export” or the page wrote", code="no seals"
        ) from bad
    for seal in seals:
        if not holds(seal):
            raise Invalid(f"{name}: seal {seal.number} was changed since it was made; take another copy of it")
    return seals
