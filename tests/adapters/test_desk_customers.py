"""Customers and unregistered callers at the desk."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti_adapters.storage import mapping
from cti_server.calls.desk import Desk
from cti_server.calls.views import CallQuery
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from tests.adapters.desk_rig import Office, viewer
from tests.adapters.storage_rig import customer, inbound, outbound

REP, MANAGER = viewer("801"), viewer("700", "branch manager")
A = "+81311110001"


def named(code: str, name: str, kana: str, *numbers: str, **more: object) -> mapping.Customer:
    row = customer(code, *numbers, **more)  # type: ignore[arg-type]
    row.name, row.kana = name, kana
    row.name_key, row.kana_key = mapping.search_key(name), mapping.search_key(kana)
    return row  # type: ignore[no-any-return]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    office.put(
        named("100101", "渡辺 和子", "ワタナベ カズコ", A),
        named("100102", "渡部 誠", "ワタベ マコト", "+81311110002", rep="802"),
        named("100103", "小野 誠", "オノ マコト", "+81311110003"),
        named("200101", "渡辺 一", "ワタナベ ハジメ", "+81611110004", rep="803", branch="122"),
    )
    return office


def codes(desk: Desk, text: str) -> list[str]:
    return [one.code for one in desk.search(text)]


def test_search_by_name_kana_code_and_number(office: Office) -> None:
    with office.desk(REP) as desk:
        assert codes(desk, "渡辺") == ["100101"]
        assert codes(desk, "わた") == codes(desk, "ﾜﾀ") == ["100101"]
        assert codes(desk, "100103") == ["100103"] and codes(desk, "1001") == ["100101", "100103"]
        assert codes(desk, "03-1111-0001") == codes(desk, "+81 3 1111 0001") == codes(desk, "0001") == ["100101"]
        assert codes(desk, "") == codes(desk, "200101") == codes(desk, "0611110004") == []
    with office.desk(MANAGER) as desk:
        assert codes(desk, "ワタ") == ["100101", "100102"]


def test_masked_digits_are_not_told_one_by_one(office: Office) -> None:
    with office.desk(REP) as desk:
        assert codes(desk, "110001") == ["100101"]
    with office.desk(MANAGER) as desk:
        assert codes(desk, "110001") == [] and codes(desk, "0001") == ["100101"]
    office.rings(inbound(1, "0311110001"))
    with office.desk(MANAGER) as desk:
        assert desk.calls(CallQuery(digits="110001")).rows == []
        assert len(desk.calls(CallQuery(digits="0001")).rows) == 1
        assert len(desk.calls(CallQuery(digits="03-1111-0001")).rows) == 1


def test_customers_page_by_page(office: Office) -> None:
    office.put(*(named(f"3{n:05}", f"名 {n}", f"カナ {n:05}") for n in range(25)))
    with office.desk(REP) as desk:
        found, cursor = [], None
        while True:
            page = desk.customers("", cursor, 10)
            found += [one.code for one in page.rows]
            cursor = page.next
            if cursor is None:
                break
        assert found == ["100103", *(f"3{n:05}" for n in range(25)), "100101"]
        assert [one.code for one in desk.customers("名 1", None, 5).rows] == [
            "300001",
            *(f"3000{n}" for n in (10, 11, 12, 13)),
        ]
        assert [one.code for one in desk.customers("1001").rows] == ["100101", "100103"]
        with pytest.raises(Invalid, match="from its beginning"):
            desk.customers("", "nonsense!")


def test_the_card_shows_everything_to_the_rep_and_masks_it_for_others(office: Office) -> None:
    office.rings(inbound(1, "0311110001"))
    with office.desk(REP) as desk:
        seen = desk.customer("100101")
        assert seen.numbers == [("03-1111-0001", "other", False)]
        assert len(seen.calls) == 1 and len(seen.open_items) == 1
    with office.desk(MANAGER) as desk:
        assert desk.customer("100101").numbers == [("03-••••-0001", "other", True)]
    with pytest.raises(NotFound), office.desk(REP) as desk:
        desk.customer("100102")
    assert [row.user for row in office.trail("opened")] == ["801", "700"]


def test_a_change_is_saved_unless_somebody_was_quicker(office: Office) -> None:
    with office.desk(MANAGER) as desk:
        form = {
            "name": "渡辺 和代",
            "numbers": "03-••••-0001\n090-1111-2222",
            "mail": "w@example.jp",
            "confidentiality": "2",
        }
        desk.change_customer("100101", form, 1)
    with office.desk(REP) as desk:
        seen = desk.customer("100101")
        assert (seen.who.name, seen.who.mail, seen.who.confidentiality) == ("渡辺 和代", "w@example.jp", 2)
        assert [number for number, _kind, _masked in seen.numbers] == ["03-1111-0001", "090-1111-2222"]
        with pytest.raises(Conflict, match="Somebody else"):
            desk.change_customer("100101", {"name": "x"}, 1)
        desk.change_customer("100101", {"notes": "likes tea"}, seen.version)
    (first, second) = office.trail("changed")
    assert first.detail["fields"] == ["name", "confidentiality", "mail", "numbers"]
    assert second.detail["fields"] == ["notes"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", " "), ("mail", "nobody"), ("language", "fr"), ("confidentiality", "4"), ("branch", "999"),
     ("rep", "nobody"), ("numbers", "110"), ("colour", "red")],
)  # fmt: skip
def test_what_a_customer_cannot_be(office: Office, field: str, value: str) -> None:
    with pytest.raises(Invalid) as bad, office.desk(REP) as desk:
        desk.change_customer("100101", {field: value}, 1)
    assert bad.value.field == field


def test_a_customer_is_not_moved_out_of_ones_own_sight(office: Office) -> None:
    with pytest.raises(NotAllowed, match="outside"), office.desk(REP) as desk:
        desk.change_customer("100101", {"rep": "802"}, 1)
    with office.desk(MANAGER) as desk:
        desk.change_customer("100101", {"rep": "802"}, 1)
    with pytest.raises(NotFound), office.desk(REP) as desk:
        desk.customer("100101")


def test_registering_a_caller_makes_earlier_calls_theirs(office: Office) -> None:
    office.rings(inbound(1, "0399990000", at=1e9), inbound(2, "0399990000"))
    with office.desk(REP) as desk:
        assert desk.calls(CallQuery()).rows == []
    with office.desk(MANAGER) as desk:
        page = desk.unregistered()
        assert len(page.rows) == 2
        fields = {"code": "100900", "name": "新規 太郎", "kana": "シンキ", "rep": "801", "confidentiality": "3"}
        assert desk.register(page.rows[0].id, fields) == "100900"
    with office.desk(MANAGER) as desk:
        assert desk.unregistered().rows == []
        with pytest.raises(Invalid, match="registered already"):
            desk.register(page.rows[0].id, fields | {"code": "100901"})
    with office.desk(REP) as desk:
        (item,) = desk.worklist().items
        assert (item.calls, item.latest.who[0].code, item.latest.match) == (2, "100900", "exact")


def test_registering_needs_what_a_customer_needs(office: Office) -> None:
    office.rings(inbound(1, "0399990000"), inbound(2, None))
    with office.desk(MANAGER) as desk:
        withheld, shown = (row.id for row in desk.unregistered().rows)
        good = {"code": "100900", "name": "新規"}
        for fields, field in (
            ({"name": "x"}, "code"),
            ({"code": "100900"}, "name"),
            (good | {"code": "200101"}, "code"),  # taken, by a customer whom the manager does not see
            (good | {"numbers": "12"}, "numbers"),
        ):
            with pytest.raises(Invalid) as bad:
                desk.register(shown, fields)
            assert bad.value.field == field
        with pytest.raises(Invalid, match="no number"):
            desk.register(withheld, good)
    assert office.trail("registered") == []
    with pytest.raises(NotAllowed, match="outside"), office.desk(MANAGER) as desk:
        desk.register(shown, good | {"branch": "122"})
    with pytest.raises(NotAllowed, match="unregistered"), office.desk(REP) as desk:
        desk.register(shown, good)


def test_attaching_gives_a_customer_one_more_number(office: Office) -> None:
    office.rings(inbound(1, "0399990000"))
    with office.desk(MANAGER) as desk:
        call_id = desk.unregistered().rows[0].id
        with pytest.raises(NotFound):
            desk.attach(call_id, "200101")
        desk.attach(call_id, "100101")
    with office.desk(REP) as desk:
        assert [row.latest.who[0].code for row in desk.worklist().items] == ["100101"]
        assert len(desk.customer("100101").numbers) == 2


def test_no_customer_asks_for_nothing_now_and_later(office: Office) -> None:
    office.rings(inbound(1, "0399990000"), inbound(2, "0399990000"), outbound(3, "0399990001"))
    with office.desk(MANAGER) as desk:
        call_id = desk.unregistered().rows[0].id
        desk.not_a_customer(call_id)
        assert desk.unregistered().rows == [] and desk.worklist().items == []
    office.rings(inbound(4, "0399990000"))
    with office.desk(MANAGER) as desk:
        assert desk.unregistered().rows == [] and desk.worklist().items == []
        desk.undo_not_a_customer(call_id)
        assert len(desk.unregistered().rows) == 3
        assert [row.calls for row in desk.worklist().items] == [2]


def test_a_guess_is_shown_as_one_and_attached_to_nobody(office: Office) -> None:
    office.rings(
        inbound(1, "+18011110001", party_e164="+12025550001"), inbound(2, "x", party_e164="+4420311110001"[:13])
    )
    office.put(named("100500", "似 た", "ニタ", "+81988887777"))
    office.rings(inbound(3, "0699-88887777", party_e164="+442088887777"))
    with office.desk(REP) as desk:
        (row,) = [row for row in desk.calls(CallQuery()).rows if row.who and row.who[0].code == "100500"]
        assert row.match == "probable" and not row.who[0].attached
        assert row.item is not None
        assert desk.item(row.item).customer is None
        with pytest.raises(Invalid) as bad:
            desk.record(row.item, [], None, "contact", "phone", "", "")
        assert bad.value.code == "pick-first"
        desk.record(row.item, [], "100500", "contact", "phone", "spoke", "")
        assert desk.customer("100500").history[0].result == "spoke"
