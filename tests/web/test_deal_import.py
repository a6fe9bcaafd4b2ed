"""Deals from a file: looked at, imported, imported again; what can't be taken gets its line and a sentence."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.storage import mapping
from cti_adapters.storage.mapping_phases import DealRow, TallyRow
from cti_server.shared.scope import EVERYTHING
from cti_web.deal_imports import KEPT, DealImports
from tests.adapters.storage_rig import customer
from tests.web.test_phase_pages import BOSS, Site, english

HEADER = "deal,customer,title,source,size,first_contact,path,state,closed,reason,start,price,currency,end\n"
WAY = "801 2026-06-02 > 802 2026-06-20 > 801 2026-07-01"
WON = f"d1,100101,Cloud,web,small,2026-06-01,{WAY},won,2026-08-01,,2026-06-25,100000,JPY,\n"
LOST = "d2,100102,Cloud,fair,大,2026-06-01,801 2026-06-02 > 803 2026-06-20,失注,2026-07-01,too dear,,,,\n"
OPEN = "d3,100101,More,web,,2026-12-01,801 2026-12-02,,,,,,,\n"


class Importing(Site):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.service = self.firm.sets_up()
        self.beside(lambda what: what())

    def sends(self, text: str | bytes, do: str = "import", status: int = 200, who: Any = BOSS) -> str:
        body = text if isinstance(text, bytes) else text.encode()
        form = {"do": do, "file": (io.BytesIO(body), "deals.csv")}
        client = self.client(who)
        answer = client.post(f"/admin/phases/{self.service.id}/import", data=form, follow_redirects=True)
        assert answer.status_code == status, answer.get_data(as_text=True)[-2000:]
        return str(answer.get_data(as_text=True))

    def beside(self, do: Callable[[Callable[[], None]], None]) -> DealImports:
        """Has imports done some other way than at once."""
        made = DealImports(self.firm.database, self.firm.clock, lambda rows: None, do)
        self.app.extensions["yobirin.deal_imports"] = made
        return made

    def deals(self) -> list[Any]:
        with self.firm.database.open(EVERYTHING) as work:
            return list(work.session.query(DealRow).order_by(DealRow.id))

    def sums(self) -> list[tuple[Any, ...]]:
        with self.firm.database.open(EVERYTHING) as work:
            rows = work.session.query(TallyRow).filter(TallyRow.kind == "all")
            return sorted((row.phase_id, row.member, row.came, row.handed_on, row.total) for row in rows if row.came)


@pytest.fixture
def site(tmp_path: Path) -> Importing:
    return Importing(tmp_path)


def test_a_look_keeps_nothing_and_the_import_keeps_all(site: Importing) -> None:
    page = site.sends(HEADER + WON + LOST + OPEN, do="look")
    assert "3 deals to add" in page and "Nothing is saved yet" in page
    assert site.deals() == [] and site.sums() == []
    assert "3 deals added" in site.sends(HEADER + WON + LOST + OPEN)
    won, lost, is_open = site.deals()
    assert (won.state, won.through, won.worth, won.price) == ("won", True, 2_400_000, 100_000)
    assert (lost.state, lost.worth, lost.reason, lost.size) == ("lost", 0, "too dear", "large")
    assert (is_open.state, is_open.member) == ("open", "801")
    assert "More" in site.page(english(), "/phases")


def test_the_rules_go_by_what_was_imported(site: Importing) -> None:
    site.sends(HEADER + WON + LOST)
    nurturing, closing, success = (one.id for one in site.service.phases)
    assert site.sums() == [
        (nurturing, "801", 2, 2, 2_400_000),
        (closing, "802", 1, 1, 2_400_000),
        (closing, "803", 1, 0, 0),
        (success, "801", 1, 1, 2_400_000),
    ]


def test_a_file_imported_again_adds_what_is_new(site: Importing) -> None:
    site.sends(HEADER + WON)
    page = site.sends(HEADER + WON + LOST)
    assert "1 deal added" in page and "1 there before" in page
    assert len(site.deals()) == 2
    with site.firm.database.open(EVERYTHING) as work:
        acts = [row.act for row in work.session.query(mapping.Audit) if "imported" in row.act]
    assert acts.count("deal imported") == 2 and acts.count("deals imported") == 2


@pytest.mark.parametrize(
    ("row", "column", "sentence"),
    [
        (WON.replace("100101", "nobody"), "customer", "no customer of this code"),
        (WON.replace("> 802", "> 899"), "path", "somebody who is no user here"),
        (WON.replace("801 2026-07-01", "801 2026-06-10"), "path", "go backwards"),
        (WON.replace("2026-08-01", "2099-08-01"), "path", "in the future"),
        (WON.replace("JPY", "USD"), "currency", "another currency"),
        (WON.replace(",2026-06-25,100000", ",,100000"), "start", "from when the contract holds"),
        (WON.replace("won", "cancelled").replace("JPY,", "JPY,2026-06-24"), "end", "cancelled before it began"),
        (WON.replace("won", "cancelled"), "end", "has an end"),
        (WON.replace(" > 801 2026-07-01", ""), "path", "came through all phases"),
        (LOST.replace("2026-07-01", ""), "closed", "on which day"),
        (LOST.replace("大", "huge"), "size", "small or large"),
        (OPEN.replace("801 2026-12-02", "802 2026-12-02"), "path", "does not work this phase"),
        (OPEN.replace("801 2026", "803 2026"), "path", "does not work this phase"),
        (OPEN.replace("801 2026-12-02", "801 yesterday"), "path", "Write days as"),
        (OPEN.replace("More", ""), "title", "This is missing"),
    ],
)
def test_a_row_that_cannot_be_taken_gets_a_sentence_and_the_others_go_on(
    site: Importing, row: str, column: str, sentence: str
) -> None:
    page = site.sends(HEADER + row + LOST.replace("d2", "d9"))
    assert sentence in page and f"<code>{column}</code>" in page and "1 deal added" in page and "1 refused" in page
    assert [one.state for one in site.deals()] == ["lost"]


def test_a_number_tells_nothing_of_customers_that_one_does_not_see(site: Importing) -> None:
    site.firm.put(customer("200200", "+81355559999", rep="803", branch="122"))
    hidden = LOST.replace("100102", "200200")
    site.sends(HEADER + hidden)
    near = english("700", role="branch manager", rights=frozenset({"phases", "handle"}))
    for row in (hidden, hidden.replace("d2", "d77")):
        page = site.sends(HEADER + row, do="look", who=near)
        assert "no customer of this code" in page and "there before" not in page
    assert "1 deal to add" in site.sends(HEADER + LOST, do="look", who=near)


def test_windows_files_and_what_is_no_file_of_deals(site: Importing) -> None:
    japanese = "商談番号,顧客コード,件名,きっかけ,初回接触日,経路\nd1,100101,資産相談,紹介,2026/12/01,801 2026/12/02\n"
    assert "1 deal added" in site.sends(japanese.encode("cp932"))
    assert site.deals()[0].title == "資産相談"
    assert "has to name the columns" in site.sends("a,b\n1,2\n", status=422)
    assert "Choose a CSV file" in site.sends("", status=422)
    assert "UTF-8" in site.sends(b"\xff\x00\x81\xfe", status=422)
    twice = HEADER + LOST + LOST
    assert "was in the file before" in site.sends(twice)


def test_the_page_shows_how_far_it_is_and_imports_what_was_looked_at(site: Importing) -> None:
    waiting: list[Callable[[], None]] = []
    site.beside(waiting.append)
    form = {"do": "look", "file": (io.BytesIO((HEADER + WON + LOST + LOST).encode()), "deals.csv")}
    looked = site.post(BOSS, f"/admin/phases/{site.service.id}/import", **form)
    assert looked.startswith(f"/admin/phases/{site.service.id}/import/")
    page = site.page(BOSS, looked)
    assert "0 of 3 rows" in page and f'hx-get="{looked}"' in page and "Import 2 deals" not in page
    waiting.pop()()
    page = site.page(BOSS, looked)
    assert "2 deals to add" in page and "1 refused" in page and "Import 2 deals" in page
    assert f'hx-get="{looked}"' not in page, "it is over, so that nothing is fetched again"
    assert site.deals() == []
    done = site.post(BOSS, looked, do="import")
    assert "being imported" in site.page(BOSS, done)
    waiting.pop()()
    assert "2 deals added" in site.page(BOSS, done) and len(site.deals()) == 2
    site.post(BOSS, done, 404, do="import")


def test_an_import_is_there_for_who_began_it_only(site: Importing) -> None:
    form = {"do": "look", "file": (io.BytesIO((HEADER + WON).encode()), "deals.csv")}
    looked = site.post(BOSS, f"/admin/phases/{site.service.id}/import", **form)
    other = english("991", role="administrator", branch="122", extensions=())
    nowhere = site.page(other, looked.rpartition("/")[0] + "/nothing", 404)
    assert "not known any more" in nowhere
    assert "not known any more" in site.page(other, looked, 404)
    site.post(other, looked, 404, do="import")
    assert site.deals() == []


def test_one_that_is_broken_off_says_why_and_goes_on_with_the_same_file(site: Importing) -> None:
    imports = site.beside(lambda what: what())
    key = imports.begin(english("990"), site.service.id, HEADER + WON, only_look=False)
    path = f"/admin/phases/{site.service.id}/import/{key}"
    page = site.page(BOSS, path)
    assert "does not allow you" in page and "import the file again to go on" in page and site.deals() == []
    assert "1 deal added" in site.page(BOSS, site.post(BOSS, path, do="import"))


def test_there_is_room_for_some_and_what_is_over_makes_it(site: Importing) -> None:
    waiting: list[Callable[[], None]] = []
    site.beside(waiting.append)
    for _ in range(KEPT):
        site.sends(HEADER + WON, do="look")
    assert "Other imports are under way" in site.sends(HEADER + WON, status=422)
    waiting.pop()()
    assert "0 of 1 row" in site.sends(HEADER + WON, do="look")


def test_whoever_may_not_set_phases_up_imports_nothing(site: Importing) -> None:
    site.sends(HEADER + WON, status=403, who=english())
    assert site.deals() == []
