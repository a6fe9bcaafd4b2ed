"""Questions put to a customer under a link: made by a rep, answered on a telephone, marked as theirs (spec P6)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cti_adapters.storage import mapping
from cti_adapters.storage.accounts import accounts
from cti_adapters.storage.mapping_questionnaires import QuestionnaireRow
from cti_server.phases.questionnaires import MOST_LINKS, token_key
from cti_server.shared.scope import EVERYTHING
from tests.adapters.storage_rig import NOW, CheapHasher
from tests.web.test_phase_pages import BOSS, Site, english

DAY = 86_400.0


class Asked(Site):
    """A deal of rep 801 in its first phase, and a telephone at the customer."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.service = self.firm.sets_up()
        self.deal = self.firm.opens(self.service)
        self.items = [item.id for item in self.service.phases[0].items]
        self.rep = english()
        room = accounts(self.firm.database, self.firm.clock, hasher=CheapHasher())
        self.accounts.wrong_link = room.wrong_link  # type: ignore[attr-defined]

    @property
    def telephone(self) -> FlaskClient:
        made = self.app.test_client()  # no cookie of any kind
        made.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
        return made

    def link(self, person: str = "経理の佐藤様", status: int = 200, **more: Any) -> str:
        form = {"person": person, "items": self.items, "language": "en", "days": "14"} | more
        answer = self.client(self.rep).post(f"/phases/{self.deal}/questionnaires", data=form)
        assert answer.status_code == status, answer.get_data(as_text=True)[-3000:]
        text = answer.get_data(as_text=True)
        found = re.search(r'value="http://[^/"]+(/q/[\w-]+)"', text)
        return found[1] if found else text

    def answers(self, path: str, status: int = 303, do: str = "finish", **values: str) -> str:
        answer = self.telephone.post(path, data=values | {"do": do})
        assert answer.status_code == status, answer.get_data(as_text=True)[-2000:]
        return str(answer.get_data(as_text=True))

    def shown(self, path: str, status: int = 200) -> str:
        answer = self.telephone.get(path)
        assert answer.status_code == status
        return str(answer.get_data(as_text=True))

    def deal_page(self) -> str:
        return self.page(self.rep, f"/phases/{self.deal}")


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path)


def test_from_the_rep_to_the_customers_telephone_and_back(asked: Asked) -> None:
    path, item = asked.link(), asked.items[0]
    page = asked.shown(path)
    assert "経理の佐藤" in page and f'name="item-{item}"' in page
    asked.answers(path, **{f"item-{item}": "at the end of the month"})
    assert "Thank you, your answers have arrived" in asked.shown(path + "?said=finished")
    page = asked.deal_page()
    assert "at the end of the month</textarea>" in page and "from the customer" in page and "経理の佐藤様" in page
    with asked.firm.database.open(EVERYTHING) as work:
        kept = [row for row in work.session.query(mapping.Audit) if row.act.startswith("questionnaire")]
        notices = [row for row in work.session.query(mapping.Outbox) if row.kind == "work"]
    assert [row.act for row in kept] == ["questionnaire made", "questionnaire opened", "questionnaire answered"]
    assert kept[-1].user is None and "month" not in str(kept[-1].detail) and notices


def test_the_link_itself_is_kept_nowhere_and_leaves_no_trace_on_the_way(asked: Asked) -> None:
    path = asked.link()
    token = path.removeprefix("/q/")
    with asked.firm.database.open(EVERYTHING) as work:
        dump = "\n".join(work.session.connection().connection.dbapi_connection.iterdump())  # type: ignore[union-attr]
        assert work.session.query(QuestionnaireRow).one().key == token_key(token)
    assert token not in dump
    answer = asked.telephone.get(path)
    assert answer.headers["Referrer-Policy"] == "no-referrer" and "noindex" in answer.headers["X-Robots-Tag"]
    assert answer.headers["Cache-Control"] == "no-store" and "Set-Cookie" not in answer.headers
    assert token not in asked.deal_page()


def test_what_a_rep_typed_stays_until_they_take_the_customers_answer_over(asked: Asked) -> None:
    item = asked.items[0]
    asked.post(asked.rep, f"/phases/{asked.deal}/save", **{f"item-{item}": "typed by hand"})
    path = asked.link()
    assert "typed by hand" not in asked.shown(path)  # what is known is shown only where the rep says so
    asked.answers(path, **{f"item-{item}": "said by the customer"})
    page = asked.deal_page()
    assert "typed by hand</textarea>" in page and "answered otherwise: said by the customer" in page
    take = re.search(r'formaction="(/phases/\d+/answers/\d+/take)"', page)
    assert take
    asked.post(asked.rep, take[1])
    page = asked.deal_page()
    assert "said by the customer</textarea>" in page and "answered otherwise" not in page


def test_who_changes_the_item_after_the_answer_came_has_chosen(asked: Asked) -> None:
    item = asked.items[0]
    asked.post(asked.rep, f"/phases/{asked.deal}/save", **{f"item-{item}": "typed by hand"})
    asked.answers(asked.link(), **{f"item-{item}": "said by the customer"})
    assert "answered otherwise" in asked.deal_page()
    asked.firm.clock.at += 60
    asked.post(asked.rep, f"/phases/{asked.deal}/save", **{f"item-{item}": "settled on the telephone"})
    assert "answered otherwise" not in asked.deal_page()


def test_each_person_sees_their_own_answers_and_no_others(asked: Asked) -> None:
    one, two = asked.link("One"), asked.link("Two", shows="1")
    item = asked.items[0]
    asked.answers(one, do="keep", **{f"item-{item}": "from One"})
    assert "from One" in asked.shown(one) and "from One" in asked.shown(two)  # "show what is filled in already"
    asked.answers(two, **{f"item-{item}": "from Two"})
    assert "from Two" not in asked.shown(one) and "from One" in asked.shown(one)
    assert "from Two</textarea>" in asked.deal_page()


def test_answering_twice_changes_the_answer(asked: Asked) -> None:
    path, item = asked.link(), asked.items[0]
    for value in ("first", "second"):
        asked.answers(path, **{f"item-{item}": value})
    page = asked.deal_page()
    assert "second</textarea>" in page and "first</textarea>" not in page


@pytest.mark.parametrize("how", ["over", "taken back", "moved on", "lost"])
def test_when_nothing_is_asked_any_more_a_sentence_says_so_and_nothing_is_kept(asked: Asked, how: str) -> None:
    path, item = asked.link(), asked.items[0]
    if how == "over":
        asked.firm.clock.at = NOW + 15 * DAY
    elif how == "taken back":
        (back,) = re.findall(r'action="(/phases/\d+/questionnaires/\d+/take-back)"', asked.deal_page())
        asked.post(asked.rep, back)
    elif how == "moved on":
        asked.firm.moves(asked.deal, picked="801")
    else:
        asked.post(asked.rep, f"/phases/{asked.deal}/lose", reason="too dear")
    page = asked.shown(path)
    assert "ask your contact for a new link" in page and "item-" not in page and "Cloud" not in page
    assert "Nothing is asked under this link any more" in asked.answers(path, 409, **{f"item-{item}": "too late"})
    with asked.firm.database.open(EVERYTHING) as work:
        assert work.session.query(QuestionnaireRow).one().answered_at is None


def test_a_wrong_link_is_told_nothing_and_slowed_down_while_a_good_one_is_not(asked: Asked) -> None:
    good = asked.link()
    told = {asked.shown(f"/q/{guess}", 404) for guess in ("nonsense", "x" * 200, good.removeprefix("/q/")[:-1])}
    assert len(told) == 1 and "This link is not right" in told.pop()
    for _ in range(30):
        answer = asked.telephone.post("/q/nonsense", data={"item-1": "x"})
    assert answer.status_code == 429 and "Wait a quarter of an hour" in answer.get_data(as_text=True)
    asked.shown(good)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"person": " "}, "Something is missing"),
        ({"items": []}, "at least one input item"),
        ({"items": ["99999"]}, "at least one input item"),
        ({"days": "0"}, "1 to 90 days"),
        ({"days": "1e9"}, "1 to 90 days"),
        ({"language": "xx"}, "Japanese or English"),
    ],
)
def test_a_link_that_cannot_be_made_gets_a_sentence(asked: Asked, wrong: dict[str, Any], said: str) -> None:
    assert said in asked.link(status=422, **wrong)


@pytest.mark.parametrize("field", ["item-²", "item-٣", "item-" + "9" * 5000, "item-", "item--1"])
def test_fields_that_are_none_of_ours_are_passed_over(asked: Asked, field: str) -> None:
    asked.answers(asked.link(), **{field: "x"})
    asked.answers("/q/nonsense", 404, **{field: "x"})
    for wrong in ({"items": ["²"]}, {"days": "²"}):
        asked.link(status=422, **wrong)


def test_long_answers_are_kept(asked: Asked) -> None:
    path = asked.link()
    asked.answers(
        path,
        **{f"item-{item}": "長" * 2000 for item in asked.items[:1]}
        | {f"item-{n}": "長" * 2000 for n in range(900, 905)},
    )
    assert "長" * 2000 in asked.deal_page()


def test_there_is_an_end_to_links_and_to_answers(asked: Asked) -> None:
    for _ in range(MOST_LINKS):
        asked.link()
    assert "many links for this deal" in asked.link(status=422)


def test_it_works_in_japanese_and_in_english(asked: Asked) -> None:
    path = asked.link(language="ja")
    assert "送信" in asked.shown(path) and "Send" in asked.shown(path + "?lang=en")
    assert "正しくありません" in asked.telephone.get("/q/x", headers={"Accept-Language": "ja"}).get_data(as_text=True)


def test_links_are_told_only_to_who_sees_the_deal(asked: Asked) -> None:
    asked.link("秘密の人")
    stranger = english("803", branch="122", extensions=())
    asked.page(stranger, f"/phases/{asked.deal}", 404)
    for act in ("questionnaires", "questionnaires/1/take-back", "answers/1/take"):
        asked.post(stranger, f"/phases/{asked.deal}/{act}", 404, person="x", items="1", days="5", language="ja")


def test_an_administrator_says_how_customers_are_asked_and_in_which_order(asked: Asked) -> None:
    first, second = asked.items
    base = f"/admin/phases/{asked.service.id}"
    phase = asked.service.phases[0]
    words = {"intro_ja": "いつもありがとうございます。", "intro_en": "Thank you for your time."}
    asked.post(BOSS, f"{base}/phase", phase=str(phase.id), name=phase.name, action="call", **words)
    item = {"phase": str(phase.id), "kind": "number", "place": "1", "required": "on"}
    question = {
        "asked_en": "How much may it cost a month?",
        "asked_ja": "ご予算は月いくらですか。",
        "to_customer": "on",
    }
    asked.post(BOSS, f"{base}/item", item=str(second), label="Budget", **item, **question)
    asked.post(BOSS, f"{base}/item", item=str(first), label="Plans", phase=str(phase.id), kind="text", place="2")
    asked.post(BOSS, f"{base}/item", 422, item=str(second), label="Budget", **item, asked_en="x" * 301)
    page = asked.deal_page()
    assert re.search(f'value="{second}" checked', page) and not re.search(f'value="{first}" checked', page)
    path = asked.link()
    shown = asked.shown(path)
    assert "Thank you for your time." in shown and "How much may it cost a month?" in shown
    assert shown.index("How much may it cost") < shown.index("Plans"), "the lowest first"
    assert "ご予算は月いくらですか。" in asked.shown(path + "?lang=ja")
    refused = asked.answers(path, 422, **{f"item-{second}": "much"})
    assert "(How much may it cost a month?)" in refused
