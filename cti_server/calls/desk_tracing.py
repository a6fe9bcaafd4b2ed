"""What the desk tells whoever looks after the exchanges: what an exchange said, and why there was no pop-up.

Everything is read through the viewer's scope. A number whose calls are hidden from them is answered like one that
never called, and a customer who is hidden from them like nobody registered: each by the very same statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from cti_server.calls import tracing
from cti_server.calls.desk_base import NO_SUCH_CALL, one_line
from cti_server.calls.desk_lists import Lists
from cti_server.calls.matching import Known as KnownCustomer
from cti_server.calls.matching import candidates
from cti_server.calls.ports import Colleague, SeenCall, Sought, TrailEntry
from cti_server.calls.raw_text import Sight, sees_every_caller, sight_of
from cti_server.calls.tracing import Feed, Known, PopUpTrace, Step
from cti_server.calls.views import CallQuery, CallRow, ExchangeRow
from cti_server.shared import phone
from cti_server.shared.errors import Invalid, NotAllowed, NotFound
from cti_server.shared.scope import Label
from cti_server.shared.viewer import needs

AROUND_SECONDS: Final = 12 * 3600.0
"""So far from the moment that is asked for a call is looked for."""
CALLS_MOST: Final = 5
CANDIDATES_MOST: Final = 20
PEOPLE_MOST: Final = 50


class Tracing(Lists):
    """From the bytes to the screen."""

    # --- what an exchange says

    @needs("exchanges")
    def raw_sight(self, exchange: str) -> Sight:
        """How much of what an exchange says the viewer sees. NotFound outside the span."""
        self.exchange(exchange)
        return sight_of(self.viewer.scope)

    @property
    def may_reveal_raw(self) -> bool:
        """Whether the viewer may ask for whole numbers and names: somebody who may elsewhere, and from whom no caller
        is hidden."""
        known = self.viewer.may("handle") or self.viewer.may("audit")
        return known and self.viewer.may("exchanges") and sees_every_caller(self.viewer.scope)

    @needs("exchanges")
    def reveal_raw(self, exchange: str, reason: str) -> Sight:
        """Lets the viewer see whole numbers and names of what an exchange says; the reason stands in the trail."""
        self.exchange(exchange)
        if not self.may_reveal_raw:
            raise NotAllowed("Your role shows numbers masked; ask the rep in charge, or an administrator for the right")
        reason = one_line(reason, "reason", needed=True)
        entry = TrailEntry(self.clock.now(), self.viewer.id, "raw revealed", None, {"reason": reason})
        self.work.records.add_trail("exchange", exchange, [entry])
        return Sight.WHOLE

    # --- why there was no pop-up

    @needs("exchanges")
    def why(self, exchange: str, call_id: str, user: str | None = None) -> PopUpTrace:
        """The steps of one call; ``user``: for whom the pop-up is missed, else for those whom it concerned. The look is
        noted. NotFound outside the scope, or where the call is not of this exchange."""
        row = self.exchange(exchange)
        seen = self._call(call_id)
        if seen.log.exchange != exchange:
            raise NotFound(NO_SUCH_CALL)
        self._looked_at([seen])
        feed = self._feed(row, seen.log.started_at, proven=True)
        steps, people = tracing.of_call(self._known(seen, row.kind, user))
        number = seen.log.party_e164
        others = self._of_number(exchange, number, seen.log.started_at) if number else []
        return PopUpTrace(
            exchange,
            [*tracing.of_exchange(feed), *steps],
            people,
            self._rows([seen])[0],
            [one for one in others if one.id != call_id],
        )

    @needs("exchanges")
    def why_number(self, exchange: str, number: str | None, at: float, user: str | None = None) -> PopUpTrace:
        """The steps of the newest call of a number (E.164; null: it can't be read as one) around a moment, or how far
        it came where there is none that the viewer may see."""
        row = self.exchange(exchange)
        found = self._of_number(exchange, number, at) if number else []
        if found:
            return self.why(exchange, found[0].id, user)
        feed = tracing.of_exchange(self._feed(row, min(at, self.clock.now())))
        return PopUpTrace(exchange, [*feed, *tracing.not_there("call", "failed", "no-call")])

    @needs("exchanges")
    def dry_run(self, exchange: str, raw: str | None, plan: phone.Plan, extension: str) -> PopUpTrace:
        """What would happen if this number (as the exchange would report it) rang this extension now. Nothing is
        stored, and nobody is told."""
        row = self.exchange(exchange)
        number = phone.e164(raw, plan)
        if raw and number is None and not phone.withheld(raw):
            read = Step("number", "failed", "no-number", {"number": phone.show(raw)})
        else:
            shown = phone.show(number) if number else ""
            read = Step("number", "done", "number-read", {"number": shown, "e164": number})
            read = read if number else Step("number", "partly", "withheld")
        labels, match = self._would_match(number, row.branch)
        now = self.clock.now()
        rang = self._rang(exchange, [extension] if extension else [], now, lambda _extension: now)
        holders = [one.held.user for one in rang if one.held is not None]
        names = {user: one.name for user, one in self._colleagues(holders).items()}
        rings = tracing.extensions(rang, names) if rang else Step("extension", "skipped", "nothing-rang")
        people = self._would_see(labels, holders)
        told = tracing.of_people([one for one in people if one.why != "sees"] or people, None)
        return PopUpTrace(
            exchange,
            [
                *tracing.of_exchange(self._feed(row, self.clock.now())),
                Step("call", "skipped", "dry"),
                read,
                match,
                rings,
                *told,
            ],
            people,
            dry=True,
        )

    # --- what is known

    def _feed(self, row: ExchangeRow, at: float, *, proven: bool = False) -> Feed:
        near = tracing.NEAR_SECONDS
        known = self.work.tracing
        return Feed(row, at, known.gap_at(row.id, at), known.unread_between(row.id, at - near, at + near), proven)

    def _known(self, seen: SeenCall, kind: str, user: str | None) -> Known:
        """``kind``: the exchange's."""
        log, now = seen.log, self.clock.now()
        delivery = self.work.tracing.delivery(log.id)
        rang = self._rang(
            log.exchange, tracing.rang_in(log), log.started_at, lambda one: tracing.rang_at(log, one, now)
        )
        wanted = {*(one.held.user for one in rang if one.held is not None), *(label.rep for label in seen.labels), user}
        wanted |= {*delivery.told, *delivery.rang} if delivery is not None else set()
        people = self._colleagues(wanted)
        if user is not None and user not in people:
            raise Invalid("There is no such colleague; choose one of the list", "user", "no-user")
        entries = self.work.records.trail(log.id)
        nobody = seen.sightings[0].match == "none"
        return Known(
            seen=seen,
            row=self._rows([seen])[0],
            matched_at=next((entry.at for entry in entries if entry.act == "matched"), None),
            dismissed=nobody and bool(log.party_e164) and self.work.tracing.dismissed(log.party_e164 or "", log.branch),
            rang=rang,
            delivery=delivery,
            people=people,
            signed_in=self.work.tracing.signed_in(people, now),
            asked=user,
            now=now,
            over_when_told=kind == "smdr",
        )

    def _rang(
        self, exchange: str, extensions: Iterable[str], since: float, at: Callable[[str], float]
    ) -> list[tracing.Rang]:
        """Whose telephones they were, each at its moment."""
        known = self.work.tracing.telephones(exchange, extensions, since)
        found = []
        for extension in extensions:
            one = known.get(extension)
            held = one.held(at(extension)) if one is not None else None
            found.append(tracing.Rang(extension, held, one is not None and one.shared))
        return found

    def _colleagues(self, users: Iterable[str | None]) -> dict[str, Colleague]:
        return self.work.firm.colleagues(user for user in users if user)

    def _of_number(self, exchange: str, number: str, at: float) -> list[CallRow]:
        """The newest calls of a number around a moment, at this exchange."""
        query = CallQuery(since=at - AROUND_SECONDS, until=at + AROUND_SECONDS)
        found, _more = self.work.calls.page(query, Sought(whole=number), None, CALLS_MOST)
        return self._rows([call for call in found if call.log.exchange == exchange])

    # --- what would be

    def _would_match(self, number: str | None, branch: str) -> tuple[list[Label], Step]:
        """The labels that a call would carry, as far as the viewer may know its candidates."""
        found = []
        if number is not None:
            found = candidates(
                self._having(Sought(whole=number)), self._having(Sought(last=number[-phone.TAIL_DIGITS :]))
            )
        labels = [one.known.label for one in found]
        matches: list[str] = [one.quality for one in found]
        if not found or found[0].quality == "probable":
            labels.append(Label("unregistered", branch))
            matches.append("none" if number else "withheld")
        may_know = number is not None and self.viewer.scope.admits(Label("unregistered", branch))
        dismissed = not found and may_know and self.work.tracing.dismissed(number or "", branch)
        return labels, tracing.matched(matches, dismissed)

    def _having(self, number: Sought) -> list[KnownCustomer]:
        """Those who have it. By its last digits only such whose number the viewer is shown whole: else trying would
        tell the masked digits one by one."""
        found = self.work.customers.by_number(number, CANDIDATES_MOST)
        whole = self.viewer.scope.needs_number
        return [KnownCustomer(one.code, one.label) for one in found if number.whole or whole(one.label)]

    def _would_see(self, labels: list[Label], rings: Iterable[str]) -> list[tracing.Person]:
        """Whom it would concern, and who else would see it, by branch and span."""
        why: dict[str, tracing.Why] = dict.fromkeys(rings, "rings")
        why |= {label.rep: "rep" for label in labels if label.rep is not None and label.rep not in why}
        reach = self.work.firm.handlers({label.branch for label in labels}, ())
        known = self._colleagues(why) | {one.id: one for one in reach if one.id not in why}
        signed_in = self.work.tracing.signed_in(known, self.clock.now())
        people = [
            tracing.Person(one.id, one.name, why.get(one.id, "sees"), refusal, signed_in_at=signed_in.get(one.id))
            for one in known.values()
            if not (refusal := tracing.refused(one, labels)) or one.id in why
        ]
        return sorted(people, key=lambda one: (one.why == "sees", one.name))[:PEOPLE_MOST]
