"""The desk's lists: the worklist, the call log, one call, the incoming report, the board (spec C5, C6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from cti_server.calls import corrected, showing, trail
from cti_server.calls.desk_base import cursor_of, limited, place_of
from cti_server.calls.desk_receiving import Receiving
from cti_server.calls.numbers import sought
from cti_server.calls.ports import SeenCall, Sought, reach
from cti_server.calls.raw_text import sight_of, unread_text
from cti_server.calls.views import (
    BranchBoard,
    CallPage,
    CallQuery,
    CallRow,
    CallView,
    Counts,
    ExchangeRow,
    Gap,
    Tab,
    UnreadReason,
    UnreadRow,
    Worklist,
)
from cti_server.shared.errors import NotFound
from cti_server.shared.viewer import exchange_reach, needs

LIVE_MOST: Final = 200
REPORT_STEP: Final = 500
DAY: Final = 86_400.0
TAKEN_MOST: Final = 20
UNREAD_MOST: Final = 100
HISTORY_MOST: Final = 100


class Lists(Receiving):
    """Reading many."""

    def worklist(
        self,
        tab: Tab = "open",
        since: float | None = None,
        until: float | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Worklist:
        """A tab of the desk's list, newest first: ``open`` (mine), ``waiting`` (mine, put off), ``team`` (what else is
        open within my span), ``done`` (the last seven days unless a period is given)."""
        now = self.clock.now()
        places, following = self.work.work.page(tab, since, until, place_of(cursor), limited(limit), now)
        first = cursor is None
        return Worklist(
            tab=tab,
            items=self._item_rows(places),
            counts=self.counts(since, until),
            gaps=self.gaps() if first else [],
            taken=self.work.calls.taken(since if since is not None else now - DAY, TAKEN_MOST) if first else [],
            next=cursor_of(following),
        )

    def counts(self, since: float | None, until: float | None) -> Counts:
        """My calls handled and open within the period, and the team's open ones; each counted up to 500."""
        return self.work.work.counts(since, until, self.clock.now())

    def calls(self, query: CallQuery, cursor: str | None = None, limit: int = 50) -> CallPage:
        """The call log, newest first; ``live`` are those that are going on, on the first page.

        A page may hold fewer than ``limit`` though there is a next one: a filter that hardly anything meets is searched
        page by page.
        """
        number = sought(query.digits) if query.digits else None
        if query.digits and number is None:
            return CallPage([], None)
        found, following = self.work.calls.page(query, number, place_of(cursor), limited(limit))
        if self.viewer.token:
            self._note_export("call log", since=query.since, until=query.until, rows=len(found))
        live = self.live() if cursor is None and query == CallQuery(since=query.since, until=query.until) else []
        return CallPage(self._rows(self._findable(found, number)), cursor_of(following), live)

    def _findable(self, found: list[SeenCall], number: Sought | None) -> list[SeenCall]:
        """Without those whose masked digits a search would tell one by one."""
        if number is None or number.whole or len(number.last) <= showing.SHOWN_DIGITS:
            return found
        return [call for call in found if showing.needs_number(self.viewer, call)]

    def report(
        self, since: float, until: float, branch: str | None = None, *, export: bool = False
    ) -> Iterator[CallRow]:
        """The incoming report: every inbound call of the period, newest first, of one branch or all. A page reads it
        as it is; with ``export`` (a file, a mail) it takes the right to and stands in the trail."""
        if export:
            self._exporting(since, until, branch)
        return self._report(CallQuery(since=since, until=until, branch=branch, direction="in"))

    @needs("export")
    def _exporting(self, since: float, until: float, branch: str | None) -> None:
        self._note_export("incoming report", since=since, until=until, branch=branch)

    def _report(self, query: CallQuery) -> Iterator[CallRow]:
        place = None
        while True:
            found, place = self.work.calls.page(query, None, place, REPORT_STEP)
            yield from self._rows(found)
            if place is None:
                return

    def live(self) -> list[CallRow]:
        """The calls that are going on."""
        return self._rows(self.work.calls.live(LIVE_MOST))

    def call(self, call_id: str) -> CallView:
        """One call with its trail. The look is noted."""
        seen = self._call(call_id)
        self._looked_at([seen])
        records = self.work.records
        history = self._history(
            records.history_of_calls([call_id], HISTORY_MOST), records.hand_overs_of_calls([call_id], HISTORY_MOST)
        )
        entries = self.work.records.trail(call_id)
        kept = self.work.records.corrections(call_id)
        names = self._names([seen], [*trail.users(entries), *corrected.users(kept)])
        whole = showing.needs_number(self.viewer, seen)
        log = seen.log if whole else showing.blanked(seen.log)
        return CallView(
            row=showing.call_row(seen, self.viewer, names, asks_who=bool(self._asks_who([seen]))),
            log=log,
            trail=trail.steps(log, entries, names, seen, lambda author: self.work.work.may_read_call(call_id, author)),
            history=history,
            receiver=seen.receiver,
            may_enter_receiver=self._may_enter(seen),
            corrections=[corrected.shown(one, names, seen, whole=whole) for one in kept],
        )

    @needs("unregistered")
    def unregistered(self, cursor: str | None = None, limit: int = 50) -> CallPage:
        """Calls of callers who match nobody and weren't marked as no customer, newest first."""
        found, following = self.work.calls.unregistered(place_of(cursor), limited(limit))
        return CallPage(self._rows(found), cursor_of(following))

    # --- the branch and its exchanges: no identity

    def board(self, branch: str) -> BranchBoard:
        """The shared screen of a branch, as far as the user's scope reaches. No identity is on it."""
        known = self.work.firm.branches().get(branch)
        if known is None or reach(self.viewer.scope) not in (None, branch):
            raise NotFound("There is no such branch")
        since = self._midnight(known.timezone)
        numbers = self.work.calls.board(branch, since)
        names = self._names(users=(rep for rep, _open, _done in numbers.open_per_rep))
        live = [_anonymous(row) for row in self.live() if row.branch == branch]
        return BranchBoard(
            branch=branch,
            branch_name=names.branch(branch),
            ringing=[row for row in live if row.state in ("arriving", "ringing")],
            talking=[row for row in live if row.state in ("talking", "held")],
            waiting=[row for row in live if row.state == "waiting"],
            open_per_rep=[(names.person(rep), count, done) for rep, count, done in numbers.open_per_rep],
            answered_today=numbers.answered,
            missed_today=numbers.missed,
            gaps=[gap for gap in self.gaps() if gap.branch == branch],
        )

    def gaps(self) -> list[Gap]:
        """Times of the last day in which exchanges of the user's span were not heard, the latest first. How many calls
        their record gave back, and why it could not be read (files, hosts), is only for who looks after exchanges: the
        counts are of all calls, whoever may see them."""
        found = self.work.firm.gaps(self.clock.now() - DAY, self._exchange_reach())
        if "exchanges" in self.viewer.rights:
            return found
        return [_without_counts(gap) for gap in found]

    def exchanges(self) -> list[ExchangeRow]:
        """The exchanges' states: all for those who look after them, else those of the user's span."""
        return self.work.firm.exchanges(self._exchange_reach())

    @needs("exchanges")
    def exchange(self, exchange: str) -> ExchangeRow:
        """One exchange's state. NotFound outside the user's span."""
        found = next((row for row in self.exchanges() if row.id == exchange), None)
        if found is None:
            raise NotFound("There is no such exchange")
        return found

    @needs("exchanges")
    def unread(self, exchange: str) -> list[UnreadRow]:
        """The last records of an exchange that could not be read, masked. NotFound outside the user's span."""
        kind = self.exchange(exchange).kind
        sight = sight_of(self.viewer.scope)
        return [
            replace(row, text=unread_text(raw, sight, lines=kind == "smdr"))
            for row, raw in self.work.firm.unread(exchange, UNREAD_MOST)
        ]

    @needs("exchanges")
    def unread_reasons(self, exchange: str) -> list[UnreadReason]:
        """Why records of an exchange could not be read, the most frequent first. NotFound outside the user's span."""
        self.exchange(exchange)
        return self.work.firm.unread_reasons(exchange)

    def reps(self) -> list[tuple[str, str]]:
        """(user, name) of those who may handle calls within the user's span, for filters and forms."""
        return self.work.firm.people(reach(self.viewer.scope))

    def _exchange_reach(self) -> str | None:
        return exchange_reach(self.viewer)

    def _note_export(self, what: str, **detail: object) -> None:
        entry = trail.TrailEntry(self.clock.now(), self.viewer.id, "exported", None, detail | self._by_token())
        self.work.records.add_trail("export", what, [entry])


def _anonymous(row: CallRow) -> CallRow:
    """A call on a screen that everybody walks by."""
    return replace(
        row,
        number="",
        number_masked=False,
        caller_name=None,
        dialed_number=row.dialed_number if row.direction == "in" else None,
        who=[],
        match="none",
        item=None,
        handled_by_name="",
    )


def _without_counts(gap: Gap) -> Gap:
    """A gap as somebody may know it who doesn't look after exchanges."""
    problem = "record-failed" if gap.given_back == "failed" else gap.problem
    return replace(gap, problem=problem, problem_values={}, recovered=None, completed=None, unread=None)
