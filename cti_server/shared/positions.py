"""Where something stands in the journal of an exchange."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """A place in a journal: everything before it has been consumed.

    ``record`` is the journal offset of a record, ``skip`` the number of its payload bytes that lie before the place.
    Positions of one journal compare in the order of the bytes.
    """

    record: int
    skip: int
