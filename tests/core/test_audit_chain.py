"""A chain's walk finds whatever is done to its rows, wherever ranges begin, and nothing where nothing was done."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_server.audit import tree
from cti_server.audit.chain import SALT_BYTES, Appending, Entry, Head, start
from cti_server.audit.judging import Finding, judged
from cti_server.audit.seals import Seal, holds, lengths, sealed
from cti_server.audit.verifying import Walk

TEXT = st.text(max_size=6)
DETAIL = st.dictionaries(TEXT, st.none() | st.integers() | TEXT | st.floats(allow_nan=False, allow_infinity=False))
SAID = st.tuples(st.floats(0, 2e9), st.none() | TEXT, TEXT, TEXT, TEXT, st.none() | TEXT, DETAIL)


def chained(said: list[tuple[Any, ...]]) -> tuple[list[Entry], Head]:
    chain = Appending(Head(1, 0, start(1)), bytes(range(SALT_BYTES * len(said) % 256)) * 99)
    names = ("at", "user", "act", "subject_kind", "subject_id", "customer_code", "detail")
    rows = []
    for number, one in enumerate(said, 1):
        linked = chain.put(dict(zip(names, one, strict=True)))
        text = json.dumps(one[-1])
        rows.append(Entry(number, 1, linked.position, *one[:-1], text, linked.salt, None, linked.digest))
    return rows, Head(1, chain.length, chain.digest)


def verified(rows: list[Entry], head: Head, cuts: set[int], seals: tuple[Seal, ...] = ()) -> list[Finding]:
    """Walked in ranges that begin at the cuts, as in several processes."""
    wanted = frozenset({head.length}.union(*(lengths(seal).values() for seal in seals)))
    edges = [1, *sorted(cut for cut in cuts if 1 < cut <= head.length), head.length + 1]
    walks = []
    for first, following in pairwise(edges):
        before = next((row for row in rows if row.position == first - 1), None)
        digest = start(1) if first == 1 else None if before is None else before.digest
        walk = Walk(1, first, following - 1, digest, before.id if before else None, wanted)
        walk.go(row for row in rows if first <= row.position < following)
        walks.append(walk.end())
    return judged(walks, [head], seals)


CHAINS = st.lists(SAID, min_size=3, max_size=12).map(chained)
CUTS = st.sets(st.integers(2, 12), max_size=3)


@settings(max_examples=100, deadline=None)
@given(CHAINS, CUTS)
def test_nothing_is_found_where_nothing_was_done(made: tuple[list[Entry], Head], cuts: set[int]) -> None:
    rows, head = made
    assert verified(rows, head, cuts, (sealed(None, 5.0, [(head, b"")]),)) == []


FIELDS = ("at", "user", "act", "subject_kind", "subject_id", "customer_code", "detail", "salt", "digest")


def some(dice: random.Random) -> list[tuple[Any, ...]]:
    """What a few entries say."""
    words = ("opened", "", "呼", "k1")
    return [
        (dice.random() * 1e9, None, dice.choice(words), "call", dice.choice(words), None, {dice.choice(words): number})
        for number in range(dice.randint(3, 12))
    ]


@pytest.mark.parametrize("part", range(4))
def test_whatever_was_done_is_found(part: int) -> None:
    for seed in range(part, 5000, 4):
        tamper(random.Random(seed))


def tamper(dice: random.Random) -> None:
    rows, head = chained(some(dice))
    cuts = {dice.randint(2, 12) for _ in range(dice.randint(0, 3))}
    count = len(rows)
    what = dice.choice(["change", "remove", "close up", "insert", "swap", "swap content", "cut"])
    at = dice.randrange(count)
    seals: tuple[Seal, ...] = ()
    if what == "change":
        name = dice.choice(FIELDS)
        was = getattr(rows[at], name)
        becomes = {"at": 1e10, "detail": '{"never": 1}', "salt": b"s", "digest": b"d" * 32}.get(name, f"{was}+")
        rows[at] = rows[at]._replace(**{name: becomes})
        expected = ("changed", at + 1)
    elif what == "remove":
        del rows[at]
        expected = ("removed" if at < count - 1 else "truncated", at + 1)
    elif what == "close up":
        at = min(at, count - 3)
        rows = rows[:at] + [row._replace(position=row.position - 1) for row in rows[at + 1 :]]
        head = head._replace(length=count - 1)
        expected = ("removed", at + 1)
    elif what == "insert":
        strange = rows[at]._replace(id=rows[at].id, subject_id="never", digest=b"x" * 32)
        later = [row._replace(position=row.position + 1, id=row.id + 1) for row in rows[at:]]
        rows, head = [*rows[:at], strange, *later], head._replace(length=count + 1)
        expected = ("inserted" if at < count - 1 else "", at + 1)
    elif what in ("swap", "swap content"):
        other = dice.choice([one for one in range(count) if one != at])
        one, two = rows[at], rows[other]
        if what == "swap":
            rows[at], rows[other] = two._replace(position=at + 1), one._replace(position=other + 1)
        else:
            said = [name for name in FIELDS if name != "digest"]
            rows[at] = one._replace(**{name: getattr(two, name) for name in said})
            rows[other] = two._replace(**{name: getattr(one, name) for name in said})
        expected = ("re-ordered", at + 1)
    else:
        seals = (sealed(None, 5.0, [(head, b"")]),)
        del rows[max(at, 1) :]
        head = Head(1, len(rows), rows[-1].digest)
        expected = ("truncated", len(rows) + 1)
    found = verified(rows, head, cuts, seals)
    kind, place = expected
    assert found
    if kind:
        near = [one for one in found if one.what == kind and one.first - 1 <= place <= one.last + 1]
        assert near, (what, expected, found)


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40), st.data())
def test_the_way_up_from_an_entry_leads_to_the_root_and_from_no_other(
    digests: list[bytes], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(digests) - 1))
    way = tree.Tree(digests).way(at)
    assert tree.climbed(digests[at], way) == tree.root(digests)
    assert tree.climbed(bytes(31) + b"x", way) != tree.root(digests) or digests[at] == bytes(31) + b"x"
    assert len(way) <= 6


@given(st.lists(st.integers(1, 50), min_size=1, max_size=5), st.data())
def test_a_seal_that_was_changed_shows(lengths: list[int], data: st.DataObject) -> None:
    seal = sealed(None, 1.0, [(Head(chain, length, bytes(32)), b"") for chain, length in enumerate(lengths, 1)])
    assert holds(seal)
    changed = data.draw(
        st.sampled_from(
            [seal._replace(number=2), seal._replace(at=2.0), seal._replace(previous="x"), seal._replace(heads=[])]
        )
    )
    assert not holds(changed)
