"""A tree of digests (as in RFC 6962): one root for the entries that a seal is the first to cover, so that a few digests
prove of one entry that it was among them, and tell nothing of the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple


class Step(NamedTuple):
    """What stands beside a digest on its way up to the root."""

    left: bool
    """Whether it stands to the left."""
    digest: bytes


def leaf(digest: bytes) -> bytes:
    """The lowest node over an entry's digest."""
    return sha256(b"\0" + digest).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The node over two others."""
    return sha256(b"\1" + left + right).digest()


def root(digests: Iterable[bytes]) -> bytes:
    """The root over entries in their order; empty where there is none. Holds on to a node for each level only."""
    whole: list[tuple[int, bytes]] = []  # (height, node) of full trees, the highest first
    for digest in digests:
        height, top = 0, leaf(digest)
        while whole and whole[-1][0] == height:
            top = node(whole.pop()[1], top)
            height += 1
        whole.append((height, top))
    if not whole:
        return b""
    _height, top = whole.pop()
    while whole:
        top = node(whole.pop()[1], top)
    return top


class Tree:
    """All nodes over some entries, for the ways up from several of them."""

    def __init__(self, digests: Sequence[bytes]) -> None:
        self._levels = [[leaf(digest) for digest in digests]]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            above = [node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
            self._levels.append(above + below[len(above) * 2 :])  # an odd one goes up as it is

    def way(self, index: int) -> list[Step]:
        """What stands beside the entry on its way up. ``index``: its place, from 0."""
        steps = []
        for level in self._levels[:-1]:
            beside = index ^ 1
            if beside < len(level):
                steps.append(Step(beside < index, level[beside]))
            index //= 2
        return steps


def climbed(digest: bytes, way: Iterable[Step]) -> bytes:
    """The root that a way leads to from an entry."""
    top = leaf(digest)
    for step in way:
        top = node(step.digest, top) if step.left else node(top, step.digest)
    return top
