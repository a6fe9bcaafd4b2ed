"""A desk without a database: the same methods as ``cti_server.calls.desk.Desk``, with a morning's calls of a branch.

For the pages' own tests, where every state has to be there at once, however rare it is in life.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from cti_server.calls.raw_text import Sight
from cti_server.calls.tracing import Person, PopUpTrace, Step
from cti_server.calls.views import (
    BranchBoard,
    CallPage,
    CallQuery,
    CallRow,
    CallView,
    Counts,
    CustomerPage,
    CustomerView,
    Draft,
    ExchangeRow,
    Gap,
    HistoryRow,
    ItemRow,
    ItemView,
    Taken,
    TrailStep,
    UnreadReason,
    UnreadRow,
    Who,
    Worklist,
)
from cti_server.shared.errors import Conflict, Invalid, NotFound
from tests.web.fake_shelf import FakeProfiles, FakeShelf, of_file
from tests.web.fake_telephones import fake_telephones

NOW = datetime(2026, 11, 23, 10, 44, tzinfo=ZoneInfo("Asia/Tokyo")).timestamp()


def at(clock: str, days: int = 0) -> float:
    hour, minute = clock.split(":")
    return datetime(2026, 11, 23 + days, int(hour), int(minute), tzinfo=ZoneInfo("Asia/Tokyo")).timestamp()


def who(code: str, name: str, kana: str, rep: str = "801", level: int = 2, **more: object) -> Who:
    names = {"801": "山田 太郎", "802": "佐藤 美咲", "803": "高橋 健"}
    return Who(code, name, kana, "121", "本店営業部", rep, names[rep], level, **more)  # type: ignore[arg-type]


WATANABE = who("100101", "渡辺 和子", "ワタナベ カズコ", attached=True, mail="kazuko@example.jp")
MINATO = who("100103", "株式会社ミナト商会", "ミナトショウカイ", level=1, attached=True, mail="info@minato.example")
NAKAMURA = who("100110", "中村 拓海", "ナカムラ タクミ", attached=True)
SORANO = who("100111", "ソラノ製作所", "ソラノセイサクショ", "802", 3, attached=True)
KOBAYASHI = who("100112", "小林 由美", "コバヤシ ユミ")
KOBAYASHI_2 = who("100113", "小林 誠", "コバヤシ マコト", "802", 3)
MATSUMOTO = who("100114", "松本 健", "マツモト ケン", "803", 2, match="probable")
PEOPLE = [WATANABE, MINATO, NAKAMURA, SORANO, KOBAYASHI, KOBAYASHI_2, MATSUMOTO]


def call(
    number: int, began: str, caller: str, people: list[Who], disposition: str = "missed", **more: object
) -> CallRow:
    start = at(began)
    talk = 372.0 if disposition == "answered" else 0.0
    row = CallRow(
        id=f"hq-1795398{number:03}.{number}",
        exchange="hq",
        branch="121",
        branch_name="本店営業部",
        direction="in",
        state="ended",
        disposition=disposition,
        started_at=start,
        answered_at=start + 9 if talk else None,
        ended_at=start + 9 + talk if talk else start + 24,
        talk_seconds=talk,
        ring_seconds=9.0 if talk else 24.0,
        number=caller,
        number_masked="•" in caller,
        caller_name=None,
        dialed_number="03-0000-1200",
        queue=None,
        extension="2104" if talk else None,
        receiver_name="佐藤 美咲" if talk else "",
        who=people,
        match="probable" if people and people[0].match == "probable" else "exact" if people else "none",
        open=True,
        item=number,
    )
    return replace(row, **more)  # type: ignore[arg-type]


CALLS = [
    call(1, "10:42", "03-••••-0142", [WATANABE]),
    call(11, "10:31", "03-••••-0142", [WATANABE], "abandoned", item=1, queue="代表"),
    call(2, "09:58", "045-000-0118", [MINATO], "answered", extension="2110", receiver_name="", asks_who=True),
    call(3, "10:02", "050-0000-0163", [], "missed", caller_name="ﾀﾅｶ"),
    call(4, "09:40", "090-0000-0187", [NAKAMURA], "voicemail"),
    call(5, "09:31", "044-000-0151", [SORANO], "busy"),
    call(6, "09:12", "03-0000-0175", [KOBAYASHI, KOBAYASHI_2]),
    call(7, "08:47", "06-0000-0133", [MATSUMOTO], "missed", marks=["cut-by-gap"]),
    call(8, "08:30", "", [], "missed", match="withheld"),
    call(
        9,
        "08:55",
        "03-0000-0119",
        [NAKAMURA],
        "answered",
        open=False,
        handled_by_name="山田 太郎",
        handled_at=at("09:20"),
        item=9,
    ),
    call(10, "08:20", "090-0000-0187", [NAKAMURA], "answered", direction="out", open=False, item=None),
]
LIVE = [
    replace(
        call(20, "10:43", "090-0000-0187", [NAKAMURA]),
        state="ringing",
        disposition=None,
        ended_at=None,
        open=False,
        item=None,
        extension="2104",
    ),
    replace(
        call(21, "10:41", "045-000-0118", [MINATO], "answered"),
        state="talking",
        disposition=None,
        ended_at=None,
        open=False,
        item=None,
    ),
]
GAPS = [
    Gap(
        "yokohama",
        "122",
        "横浜支店",
        at("10:02"),
        at("10:07"),
        "silent",
        source="csv",
        recovered=3,
        completed=1,
        fetched_at=at("10:08"),
        finished_at=at("10:13"),
    )
]
HISTORY = [
    HistoryRow(
        3,
        "contact",
        "phone",
        "spoke",
        "国債の利払い日について。\n資料を送る約束。",
        at("15:10", -5),
        "801",
        "山田 太郎",
    ),
    HistoryRow(2, "visit booking", "visit", "booked", "11/30 14:00 来店", at("11:00", -9), "802", "佐藤 美咲"),
    HistoryRow(1, "contact", "mail", "message", "", at("09:00", -20), "801", "山田 太郎", undone=True),
]
DRAFT = Draft(
    "お電話のお礼",
    "渡辺 和子 様 (顧客コード 100101) お世話になっております。本店営業部・山田です。"
    "2026/11/23 10:42 にお電話を頂き、ありがとうございます。",
    "kazuko@example.jp",
    "open",
)


COUNTERS = {"bytes": 48_211_004, "events": 112_044, "connects": 2, "failures": 1, "unreadable": 0, "pauses": 0}
EXCHANGES = [
    ExchangeRow(
        "hq", "本店 PBX", "ami", "121", "本店営業部", "up", "", {}, at("07:58"), at("07:58"), NOW - 2, COUNTERS
    ),
    ExchangeRow(
        "yokohama", "横浜 PBX", "ami", "122", "横浜支店", "up", "", {}, at("10:07"), at("10:07"), NOW - 5, COUNTERS
    ),
    ExchangeRow(
        "osaka",
        "大阪 PBX",
        "ami",
        "131",
        "大阪支店",
        "refused",
        "refused",
        {"user": "yobirin", "said": "Authentication failed"},
        at("09:20"),
        None,
        at("09:19"),
        COUNTERS | {"unreadable": 1},
    ),
]


def trace_of(row: CallRow) -> PopUpTrace:
    """A pop-up that broke at a screen."""
    at = row.started_at
    steps = [
        Step("link", "done", "connected", {}, at - 9e3),
        Step("rights", "done", "rights-proven"),
        Step("bytes", "done", "heard", {}, at),
        Step("read", "partly", "unread", {"count": 2}, at),
        Step("call", "done", "folded", {}, at),
        Step("number", "done", "number-read", {"number": row.number}),
        Step("match", "done", "exact", {"count": 1}, at + 0.1),
        Step("extension", "done", "held", {"extensions": "2104"}, at + 0.1),
        Step("told", "partly", "some-may-not", {"names": "鈴木 一郎"}, at + 0.1),
        Step("screen", "failed", "no-screen", {"names": "山田 太郎"}, at + 0.2),
        Step("written", "skipped", "not-reached"),
    ]
    people = [
        Person("801", "山田 太郎", "rings", "", away=True, signed_in_at=at - 600),
        Person("802", "鈴木 一郎", "rings", "class"),
        Person("700", "佐藤 花子", "sees", "", told_at=at + 0.2, kind="call"),
    ]
    return PopUpTrace("osaka", steps, people, row, [CALLS[1]])


def no_requests() -> SimpleNamespace:
    """Nobody is asked for a record."""
    return SimpleNamespace(
        count_waiting_for=lambda *_: 0, waiting_for=lambda *_: [], of_call=lambda *_: [], whose=lambda *_: []
    )


class FakeDesk:
    """Holds what was done to it in ``acts``."""

    def __init__(self) -> None:
        self.acts: list[tuple[object, ...]] = []
        self.handled: set[int] = set()
        self.empty = False
        self.draft_state = ("open", "")
        self.dialling = ""
        self.conflict = False
        self.shelf = FakeShelf()
        self.profiles = FakeProfiles()
        self.shelf.rows["osaka"] = of_file("osaka", "大阪 PBX", "131", secret_env="OSAKA_SECRET")
        self.work = SimpleNamespace(shelf=self.shelf, profiles=self.profiles, telephones=fake_telephones(NOW))
        self.work.deals = SimpleNamespace(of_customer=lambda code: [])
        self.work.requests = no_requests()

    def _rows(self) -> list[ItemRow]:
        kinds = {2: "answered", 3: "unregistered", 8: "unregistered", 4: "handed"}
        first = [
            one for one in CALLS if one.item and one.item not in (9,) and not (one.item == 1 and one.id.endswith("11"))
        ]
        return [
            ItemRow(
                one.item or 0,
                kinds.get(one.item or 0, "missed"),
                replace(one, open=one.item not in self.handled),  # type: ignore[arg-type]
                2 if one.item == 1 else 1,
                at("11:02") if one.item == 1 else at("11:30") if one.item == 2 else None,
                at("14:00") if one.item == 5 else None,
                "会議が14時まで" if one.item == 5 else "",
                None if one.item in (3, 8) else "801" if one.item != 7 else "803",
                "山田 太郎" if one.item != 7 else "高橋 健",
            )
            for one in first
        ]

    def counts(self, since: float | None, until: float | None) -> Counts:
        if self.empty:
            return Counts()
        done = len(self.handled)
        return Counts(12 + done, 8 - done, 1, 2, 7 - done)

    def worklist(
        self,
        tab: str = "open",
        since: float | None = None,
        until: float | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Worklist:
        if self.empty:
            return Worklist(tab, [], Counts())  # type: ignore[arg-type]
        rows = {
            "open": [one for one in self._rows() if one.id not in self.handled and one.id not in (5, 7)],
            "waiting": [one for one in self._rows() if one.id == 5],
            "team": [one for one in self._rows() if one.id in (7, 8)],
            "done": [one for one in self._rows() if one.id in self.handled],
        }[tab]
        taken = [Taken(at("09:51"), "2104", 187.0)] if tab == "open" else []
        return Worklist(
            tab,
            rows[:limit],
            self.counts(since, until),
            GAPS,
            taken,
            None if cursor else "later" if tab == "open" else None,
        )  # type: ignore[arg-type]

    def item(self, item: int) -> ItemView:
        rows = [one for one in self._rows() if one.id == item]
        if not rows:
            raise NotFound("There is no such item")
        row = rows[0]
        people = row.latest.who
        sure = people[0] if len(people) == 1 and people[0].match == "exact" else None
        state, problem = self.draft_state
        draft = replace(DRAFT, state=state, problem=problem, to=sure.mail) if sure else None
        return ItemView(
            row,
            [one for one in CALLS if one.item == item],
            people,
            sure,
            "東京都千代田区丸の内 0-0-0" if sure else "",
            HISTORY if sure else [],
            draft,
            "",
            True,
            bool(row.latest.number),
            "",
            self.dialling,
        )

    def call(self, call_id: str) -> CallView:
        rows = [one for one in (*CALLS, *LIVE) if one.id == call_id]
        if not rows:
            raise NotFound("There is no such call")
        row = rows[0]
        trail = [
            TrailStep(row.started_at, "ringing", "2101, 2104"),
            TrailStep(row.started_at + 1, "matched", "100101"),
            TrailStep(row.started_at + 24, "ended", ""),
            TrailStep(row.started_at + 60, "opened", "山田 太郎"),
        ]
        return CallView(row, None, trail, HISTORY if row.who else [], may_enter_receiver=row.asks_who)

    def calls(self, query: CallQuery, cursor: str | None = None, limit: int = 50) -> CallPage:
        self.acts.append(("calls", query))
        if self.empty or query.digits == "9999":
            return CallPage([], None)
        return CallPage(CALLS, None if cursor else "later", [] if cursor else LIVE)

    def report(
        self, since: float, until: float, branch: str | None = None, *, export: bool = False
    ) -> Iterator[CallRow]:
        return iter([] if self.empty else CALLS)

    def live(self) -> list[CallRow]:
        return LIVE

    def handle(self, call_ids: list[str]) -> None:
        self.acts.append(("handle", tuple(call_ids)))
        self.handled |= {one.item for one in CALLS if one.id in call_ids and one.item}

    def reopen(self, call_ids: list[str]) -> None:
        self.acts.append(("reopen", tuple(call_ids)))
        self.handled -= {one.item for one in CALLS if one.id in call_ids and one.item}

    def record(
        self,
        item: int | None,
        call_ids: list[str],
        customer: str | None,
        kind: str,
        channel: str,
        result: str,
        note: str,
    ) -> HistoryRow:
        self.acts.append(("record", item, tuple(call_ids), customer, kind, channel, result, note))
        if item:
            self.handled.add(item)
        return HistoryRow(9, kind, channel, result, note, NOW, "801", "山田 太郎")

    def undo_history(self, history_id: int) -> None:
        self.acts.append(("undo_history", history_id))
        self.handled.clear()

    def snooze(self, item: int, until: float, reason: str) -> None:
        self.acts.append(("snooze", item, until, reason))

    def unsnooze(self, item: int) -> None:
        self.acts.append(("unsnooze", item))

    def hand_on(self, item: int, to_user: str, note: str) -> None:
        self.acts.append(("hand_on", item, to_user, note))

    def undo_hand_on(self, item: int) -> None:
        self.acts.append(("undo_hand_on", item))

    def assignees(self, item: int) -> list[tuple[str, str]]:
        return [("801", "山田 太郎"), ("802", "佐藤 美咲")]

    def receivers(self) -> list[tuple[str, str]]:
        return self.reps()

    def receive(self, call_id: str, user: str | None) -> str | None:
        self.acts.append(("receive", call_id, user))
        return None

    def reps(self) -> list[tuple[str, str]]:
        return [("801", "山田 太郎"), ("802", "佐藤 美咲"), ("803", "高橋 健")]

    def pick(self, item: int, customer_code: str) -> None:
        self.acts.append(("pick", item, customer_code))

    def save_note(self, item: int, text: str) -> None:
        self.acts.append(("save_note", item, text))

    def draft(self, item: int, language: str | None) -> Draft:
        return (
            replace(DRAFT, body="Dear Kazuko Watanabe, thank you for your call.", subject="Your call")
            if language == "en"
            else DRAFT
        )

    def send_mail(self, item: int, to: str, subject: str, body: str) -> HistoryRow:
        self.acts.append(("send_mail", item, to, subject, body))
        if "@" not in to:
            raise Invalid("This is no mail address", "to")
        self.draft_state = ("queued", "")
        return HISTORY[0]

    def dial(self, what: int | str, number: str | None) -> int:
        self.acts.append(("dial", what, number))
        self.dialling = "asked"
        return 1

    def reveal(self, what: str, reason: str = "") -> str:
        self.acts.append(("reveal", what))
        return "03-0000-0142"

    def unregistered(self, cursor: str | None, limit: int) -> CallPage:
        return CallPage([] if self.empty else [one for one in CALLS if not one.who], None)

    def register(self, call_id: str, fields: dict[str, str]) -> str:
        self.acts.append(("register", call_id, fields))
        if fields.get("code") == "100101":
            raise Invalid("The code 100101 belongs to another customer", "code")
        return "100101"

    def attach(self, call_id: str, customer_code: str) -> None:
        self.acts.append(("attach", call_id, customer_code))

    def not_a_customer(self, call_id: str) -> None:
        self.acts.append(("not_a_customer", call_id))

    def undo_not_a_customer(self, call_id: str) -> None:
        self.acts.append(("undo_not_a_customer", call_id))

    def search(self, text: str, limit: int = 20) -> list[Who]:
        digits = "".join(one for one in text if one.isdecimal())
        if digits == "0300000175":
            return [KOBAYASHI, KOBAYASHI_2]
        if digits == "0300000142":
            return [WATANABE]
        return [one for one in PEOPLE if text and text in one.name + one.kana + one.code]

    def customers(self, text: str, cursor: str | None, limit: int) -> CustomerPage:
        found = [one for one in PEOPLE if not text or text in one.name + one.kana + one.code]
        return CustomerPage([] if self.empty else found, None)

    def customer(self, code: str) -> CustomerView:
        for one in PEOPLE:
            if one.code == code:
                return CustomerView(
                    one,
                    "東京都千代田区丸の内 0-0-0",
                    "午前中の電話を希望。",
                    [("03-••••-0142", "landline", True), ("090-••••-0187", "mobile", True)],
                    HISTORY,
                    [call_ for call_ in CALLS if one in call_.who],
                    [row for row in self._rows() if one in row.latest.who],
                    4,
                )
        raise NotFound("There is no such customer")

    def change_customer(self, code: str, fields: dict[str, str], version: int) -> None:
        self.acts.append(("change_customer", code, fields, version))
        if self.conflict:
            raise Conflict("Somebody else changed it")
        if not fields.get("name"):
            raise Invalid("A customer needs a name", "name")

    def board(self, branch: str) -> BranchBoard:
        bare = [replace(one, who=[], number="", caller_name=None) for one in LIVE]
        waiting = [replace(bare[0], state="waiting", queue="代表", extension=None)]
        return BranchBoard(
            branch,
            "本店営業部",
            [bare[0]],
            [bare[1]],
            waiting,
            [("山田 太郎", 3, 5), ("佐藤 美咲", 0, 7), ("高橋 健", 1, 2)],
            14,
            6,
            GAPS,
        )

    def gaps(self) -> list[Gap]:
        return GAPS

    def exchanges(self) -> list[ExchangeRow]:
        return [] if self.empty else EXCHANGES

    def exchange(self, exchange: str) -> ExchangeRow:
        found = next((row for row in EXCHANGES if row.id == exchange), None)
        if found is None:
            raise NotFound("There is no such exchange")
        return found

    def raw_sight(self, exchange: str) -> Sight:
        return Sight.MASKED

    may_reveal_raw = True

    def why(self, exchange: str, call_id: str, user: str | None = None) -> PopUpTrace:
        if call_id not in {one.id for one in CALLS}:
            raise NotFound("There is no such call")
        return trace_of(CALLS[0])

    def why_number(self, exchange: str, number: str | None, at: float, user: str | None = None) -> PopUpTrace:
        self.acts.append(("why_number", exchange, number))
        return trace_of(CALLS[0])

    def dry_run(self, exchange: str, raw: str | None, plan: object, extension: str) -> PopUpTrace:
        self.acts.append(("dry_run", exchange, raw, extension))
        return PopUpTrace(exchange, trace_of(CALLS[0]).steps, dry=True)

    def reveal_raw(self, exchange: str, reason: str) -> Sight:
        self.acts.append(("reveal_raw", exchange, reason))
        return Sight.WHOLE

    def unread_reasons(self, exchange: str) -> list[UnreadReason]:
        return [UnreadReason(one.reason, 1, one.at) for one in self.unread(exchange)]

    def unread(self, exchange: str) -> list[UnreadRow]:
        return (
            [UnreadRow("osaka", 184_220, 96, at("09:14"), "no empty line within 1 MiB", 1_048_576)]
            if exchange == "osaka"
            else []
        )
