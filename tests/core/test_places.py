"""Where a page of a list ends, as an address says it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.shared.errors import Invalid
from cti_server.shared.places import MOST_ID, Place, cursor_of, place_of


@given(st.builds(Place, st.floats(allow_nan=False, allow_infinity=False), st.integers(0, MOST_ID)))
def test_a_place_is_found_again(place: Place) -> None:
    assert place_of(cursor_of(place)) == place


def test_no_place_is_the_beginning() -> None:
    assert place_of(None) is None and place_of("") is None and cursor_of(None) is None


@pytest.mark.parametrize(
    "cursor", ["1", "_", "1_", "_1", "nan_1", "inf_1", "1_-1", f"1_{2**63}", "1_" + "9" * 5000, "x_y"]
)
def test_what_is_no_place_is_told(cursor: str) -> None:
    with pytest.raises(Invalid, match="open it again"):
        place_of(cursor)
