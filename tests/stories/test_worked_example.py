"""The worked example of spec/10, the whole way: from the exchange's bytes to each user's pages and live stream.

Customers 100101 and 100103 are rep 801's, of branch 121; 100102 is another rep's of branch 121; 100106 belongs to
another branch. Of the day's calls (1) and (5) come from 100101, (2) from 100102, (3) from 100103, (4) from 100106, (6)
from nobody who is registered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from cti_adapters.storage import schema
from tests.realpbx.product import Browser, Live, Product, exchange, text
from tests.stories.simulated import Simulated, answered, missed
from tests.web.running import Running, until

NUMBER = {
    "100101": "0312340101",
    "100102": "0312340102",
    "100103": "09012340103",
    "100106": "0451234106",
    "": "0312349999",
}
CALLERS = {1: "100101", 2: "100102", 3: "100103", 4: "100106", 5: "100101", 6: ""}
WHO = ("801", "802", "803", "700", "710", "720", "990")


@dataclass
class Day:
    """The day when all six calls are over; who sits in front of which screen."""

    product: Product
    id: dict[int, str]
    browsers: dict[str, Browser]
    live: dict[str, Live]

    def sees(self, who: str) -> set[int]:
        """The calls that the call log shows somebody."""
        shown = set(re.findall(r'id="y-c-([^"]+)"', self.browsers[who].page("/calls?period=week")))
        return {number for number, call in self.id.items() if call in shown}

    def heard(self, who: str) -> set[int]:
        """The calls that somebody's live stream told of."""
        told = {call["id"] for call in self.live[who].calls()}
        return {number for number, call in self.id.items() if call in told}


@pytest.fixture(scope="module")
def day(reactor: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    pbx = Simulated(reactor)
    product = Product(tmp_path_factory.mktemp("day") / "p", [exchange("hq", pbx.port, kind="simulated")])
    product.role("desk without class 1", "branch", [2, 3], "handle", "unregistered")
    product.role("desk without unregistered", "branch", [1, 2, 3], "handle")
    product.person("801", "rep", "121", "hq/2001", language="en")
    product.person("802", "rep", "121", "hq/2002", language="en")
    product.person("803", "rep", "122", language="en")
    product.person("700", "branch manager", "121", language="en")
    product.person("710", "desk without class 1", "121", language="en")
    product.person("720", "desk without unregistered", "121", language="en")
    product.person("990", "PBX administrator", "121", language="en")
    product.customer("100101", NUMBER["100101"], "801", name="山田太郎")
    product.customer("100103", NUMBER["100103"], "801", name="鈴木花子", level=1)
    product.customer("100102", NUMBER["100102"], "802", name="佐藤次郎")
    product.customer("100106", NUMBER["100106"], "803", branch="122", name="高橋三郎")
    with ExitStack() as stack:
        stack.callback(pbx.close)
        stack.callback(product.close)
        product.start()
        pbx.until_heard()
        browsers = {who: product.sign_in(who) for who in WHO}
        live = {who: stack.enter_context(browser.live()) for who, browser in browsers.items()}
        ids: dict[int, str] = {}
        for number, code in CALLERS.items():
            caller = NUMBER[code]
            pbx.play(answered(caller, ring=0.4, talk=0.8) if number == 2 else missed(caller, ring=0.6))
            told = product.ended_calls(number)
            ids[number] = next(call["id"] for call in told if call["id"] not in ids.values())
        until(lambda: live["700"].calls(id=ids[6], state="ended"), "the last call to be told")
        yield Day(product, ids, browsers, live)
        log = product.log()
        for number in NUMBER.values():
            assert number not in log and number[1:] not in log
        assert "Traceback" not in log, log


def open_calls(browser: Browser) -> int:
    """How many calls of the week the desk counts as open."""
    found = re.search(r"\d+ handled / (\d+) open", text(browser.page("/desk?period=week")))
    assert found
    return int(found[1])


def test_the_call_log_is_what_was_played(day: Day) -> None:
    told = {call["id"]: call for call in day.product.calls()}
    for number, code in CALLERS.items():
        call = told[day.id[number]]
        assert call["caller_number"] == NUMBER[code] and call["direction"] == "in"
        assert call["disposition"] == ("answered" if number == 2 else "missed")
        assert call["rang_extensions"] == ["2001"]
    assert len(told) == 6
    calls_of = [row for row in day.product.rows(schema.items) if row["latest_call"] == day.id[5]]
    assert [row["calls"] for row in calls_of] == [2], "who rang twice is one item with two calls"


def test_everybody_sees_their_calls_and_no_others(day: Day) -> None:
    assert day.sees("801") == {1, 3, 5}
    assert day.sees("802") == {2}
    assert day.sees("803") == {4}
    assert day.sees("700") == {1, 2, 3, 5, 6}, "branch 121, with the authority over unregistered callers"
    assert day.sees("720") == {1, 2, 3, 5}, "branch 121"
    assert day.sees("710") == {1, 2, 5, 6}, "class 1 is beyond their limit"
    assert day.sees("990") == set()


def test_the_screens_were_told_of_the_same_calls_while_they_rang(day: Day) -> None:
    for who in WHO:
        assert day.heard(who) == day.sees(who), who
    mine = day.live["801"].call(id=day.id[1], state="ringing")
    assert mine["mine"] == "ringing" and mine["ringing"] == ["2001"]
    assert (mine["cards"][0]["code"], mine["cards"][0]["name"]) == ("100101", "山田太郎")
    assert re.sub(r"\D", "", mine["number"]) == NUMBER["100101"] and not mine["number_masked"]
    assert day.live["700"].call(id=day.id[1], state="ringing")["mine"] == "branch"


def test_who_took_the_call_of_a_hidden_customer_is_told_no_more_than_that(day: Day) -> None:
    taken = [data for name, data in day.live["801"].events if name == "taken"]
    assert {data["id"] for data in taken} == {day.id[2]}
    assert set(taken[-1]) == {"id", "state", "extension", "answered_at", "ended_at"}
    assert "You took a call" in text(day.browsers["801"].page("/desk"))


def test_nothing_of_the_others_is_on_any_screen(day: Day) -> None:
    hidden = {
        "801": ("100102", "100106", ""),
        "802": ("100101", "100103", "100106", ""),
        "803": ("100101", "100102", "100103", ""),
        "710": ("100103", "100106"),
        "720": ("100106", ""),
        "990": tuple(NUMBER),
    }
    names = {"100101": "山田太郎", "100102": "佐藤次郎", "100103": "鈴木花子", "100106": "高橋三郎", "": "\0"}
    for who, codes in hidden.items():
        pages = ("/desk", "/desk?tab=team", "/desk?tab=done&period=week", "/calls?period=week", "/bell", "/report")
        shown = [re.sub(r"[- ]", "", day.browsers[who].request("GET", path)[1]) for path in pages]
        for code in codes:
            forbidden = [NUMBER[code], NUMBER[code][1:], names[code], *([code] if code else [])]
            for one in forbidden:
                assert one not in day.live[who].told, (who, one)
                assert not [path for path, body in zip(pages, shown, strict=True) if one in body], (who, one)
    for who, numbers in {"801": (2, 4, 6), "802": (1, 3), "710": (3, 4), "720": (4, 6)}.items():
        for number in numbers:
            status, body = day.browsers[who].request("GET", f"/calls/{day.id[number]}")
            nowhere = day.browsers[who].request("GET", "/calls/hq-0.0")
            assert status == nowhere[0] == 404
            assert len(body) == len(nowhere[1])


def test_handling_moves_the_row_and_the_counts(day: Day) -> None:
    rep, manager = day.browsers["801"], day.browsers["700"]
    assert "0 handled / 3 open" in text(rep.page("/desk?period=week"))
    marks = {who: len(day.live[who].events) for who in WHO}
    status, body = rep.post(f"/calls/{day.id[1]}/handled", page=f"/calls/{day.id[1]}")
    assert status == 303, body
    assert "1 handled / 2 open" in text(rep.page("/desk?period=week"))
    for who in ("801", "700", "710", "720"):
        until(lambda who=who: "work" in [name for name, _ in day.live[who].events[marks[who] :]], f"work for {who}")
    for who in ("802", "803", "990"):
        assert [name for name, _ in day.live[who].events[marks[who] :] if name != "beat"] == []
    row = re.search(rf'id="y-c-{re.escape(day.id[1])}".*?</tr>', manager.page("/calls?period=week"), re.S)
    assert row and "担当801" in text(row[0])


def test_registering_the_caller_makes_it_a_customer_s_call(day: Day) -> None:
    manager, rep = day.browsers["700"], day.browsers["801"]
    assert f"y-c-{day.id[6]}" in manager.page("/unregistered")
    assert day.browsers["801"].request("GET", "/unregistered")[0] == 403
    page = f"/unregistered/{day.id[6]}"
    before = open_calls(rep)
    new = {"code": "100107", "name": "伊藤四郎", "branch": "121", "rep": "801", "confidentiality": "3"}
    new |= {"kana": "", "address": "", "mail": "", "language": "ja", "notes": "", "numbers": NUMBER[""]}
    status, body = manager.post(f"{page}/register", new, page=page)
    assert status == 303, text(body)
    assert day.sees("801") == {1, 3, 5, 6} and day.sees("720") == {1, 2, 3, 5, 6}
    assert "伊藤四郎" in text(rep.page("/desk"))
    assert f"y-c-{day.id[6]}" not in manager.page("/unregistered")
    assert open_calls(rep) == before + 1
