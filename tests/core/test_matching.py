from __future__ import annotations

from cti_server.calls.matching import PROBABLE_MOST, Known, attached, caller_key, candidates, ranked
from cti_server.shared.scope import Label


def known(code: str, rep: str = "801", contact: float | None = None) -> Known:
    return Known(code, Label("customer", "121", rep, 2), contact)


def codes(found: list) -> list[tuple[str, str]]:  # type: ignore[type-arg]
    return [(one.code, one.quality) for one in found]


def test_everybody_who_has_the_number_stays_a_candidate() -> None:
    found = candidates([known("a"), known("b"), known("c")], [known("d")])
    assert codes(found) == [("a", "exact"), ("b", "exact"), ("c", "exact")]
    assert attached(found) is None


def test_the_only_one_is_attached() -> None:
    assert attached(candidates([known("a")], [])) == "a"


def test_same_last_digits_are_probable_and_never_attached() -> None:
    found = candidates([], [known("a")])
    assert codes(found) == [("a", "probable")]
    assert attached(found) is None


def test_too_many_with_the_same_last_digits_are_no_hint() -> None:
    assert candidates([], [known(str(number)) for number in range(PROBABLE_MOST + 1)]) == []


def test_own_customers_come_first_then_the_latest_contact() -> None:
    group = [known("a", "802", 300.0), known("b", "801", 100.0), known("c", "801", 200.0), known("d", "802")]
    assert [one.code for one in candidates(group, [], own="801")] == ["c", "b", "a", "d"]
    assert [one.code for one in candidates(group, [])] == ["a", "c", "b", "d"]
    assert [one.code for one in ranked(candidates(group, []), "802")] == ["a", "d", "c", "b"]


def test_who_a_call_is_from_as_far_as_items_go() -> None:
    one, two = candidates([known("a")], []), candidates([known("a"), known("b")], [])
    perhaps = candidates([], [known("a")])
    assert caller_key(one, "+811", "121", "k") == "c:a"
    assert caller_key(two, "+811", "121", "k") == "n:+811"
    assert caller_key(perhaps, "+811", "121", "k") == "u:121:+811"
    assert caller_key([], "+811", "122", "k") == "u:122:+811"
    assert caller_key([], None, "121", "k") == "w:k"
