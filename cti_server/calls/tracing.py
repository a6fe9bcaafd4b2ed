"""Why was there no pop-up? The steps of one call from the exchange's bytes to the screens, each with its light (spec
C6). Pure: what is known comes in, steps come out.

Everything is told as the reader may see the call: by the candidates that exist for them (spec C4). A colleague who was
told because of a candidate hidden from the reader is not named, nor that anybody was. A call that is hidden as a whole
can't be told from one that never came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from cti_server.calls.holding import moment_of
from cti_server.calls.log import FORGOTTEN, CallLog
from cti_server.calls.ports import Colleague, SeenCall
from cti_server.calls.views import CallRow, ExchangeRow, Gap
from cti_server.shared.deliveries import TOLD_MOST, Delivery
from cti_server.shared.scope import Label, Scope
from cti_server.shared.telephones import Held

Light = Literal["done", "partly", "failed", "unknown", "skipped"]
Why = Literal["asked", "rings", "rep", "sees"]
Refusal = Literal["", "class", "unregistered", "span", "inactive"]

STEPS: Final = ("link", "rights", "bytes", "read", "call", "number", "match", "extension", "told", "screen", "written")
"""In order, from the exchange to the screen."""
NEAR_SECONDS: Final = 60.0
"""What could not be read within this time of a call may have been a part of it."""
WRITTEN_SOON: Final = 10.0
"""So long it takes at most until it is known who was told."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``code`` says what was found (the pages have a sentence for each), ``values`` are its parameters."""

    key: str
    light: Light
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """One of ours and the call. ``refusal`` is empty where they may see it; ``told_at`` is when it was written to their
    screens, ``kind`` as in ``shared.deliveries.Told``."""

    user: str
    name: str
    why: Why
    refusal: Refusal
    away: bool = False
    told_at: float | None = None
    kind: str = ""
    cut_at: float | None = None
    signed_in_at: float | None = None


@dataclass(slots=True)
class PopUpTrace:
    """The answer. ``dry``: nothing of it happened, it is what would."""

    exchange: str
    steps: list[Step]
    people: list[Person] = field(default_factory=list)
    call: CallRow | None = None
    others: list[CallRow] = field(default_factory=list)
    """Further calls from the same number."""
    dry: bool = False

    @property
    def first_red(self) -> Step | None:
        """Where it broke; null where nothing is known to have."""
        return next((step for step in self.steps if step.light == "failed"), None)


# --- the exchange


@dataclass(frozen=True, slots=True)
class Feed:
    """What is known of an exchange around a moment."""

    row: ExchangeRow
    at: float
    gap: Gap | None
    unread: int
    """Pieces near ``at`` that could not be read."""
    proven: bool
    """Whether a call came of it, so that its rights are known to suffice."""


def of_exchange(feed: Feed) -> list[Step]:
    """The steps that are about the exchange, whoever calls."""
    return [_link(feed), _rights(feed), _bytes(feed), _read(feed)]


def _link(feed: Feed) -> Step:
    row, gap = feed.row, feed.gap
    if gap is not None:
        values: dict[str, Any] = {"since": gap.started_at, "until": gap.ended_at, "reason": gap.reason}
        return Step("link", "failed", "blind" if gap.ended_at is not None else "still-blind", values, gap.started_at)
    if feed.proven or (row.connected_since is not None and row.connected_since <= feed.at and row.state == "up"):
        return Step("link", "done", "connected", {}, row.connected_since)
    if row.state != "up" and row.since is not None and row.since <= feed.at:
        values = {"reason": row.reason, "reason_values": row.reason_values, "since": row.since}
        return Step("link", "failed", "refused" if row.state == "refused" else "down", values, row.since)
    return Step("link", "unknown", "link-unknown")


def _rights(feed: Feed) -> Step:
    if feed.proven:
        return Step("rights", "done", "rights-proven")
    if feed.row.state == "refused":
        return Step("rights", "failed", "sign-in-refused")
    if feed.row.kind == "smdr":
        return Step("rights", "skipped", "no-rights-needed")
    return Step("rights", "unknown", "rights-unproven", {"exchange": feed.row.id})


def _bytes(feed: Feed) -> Step:
    last = feed.row.last_event
    if feed.proven or (last is not None and last >= feed.at):
        return Step("bytes", "done", "heard", {}, feed.at)
    if last is None:
        return Step("bytes", "failed", "never-heard")
    return Step("bytes", "partly", "silent-since", {"since": last}, last)


def _read(feed: Feed) -> Step:
    backlog = int(feed.row.counters.get("backlog", 0) or 0)
    if feed.unread:
        return Step("read", "partly" if feed.proven else "failed", "unread", {"count": feed.unread}, feed.at)
    if backlog and not feed.proven:
        return Step("read", "partly", "backlog", {"size": backlog}, feed.at)
    return Step("read", "done", "all-read", {}, feed.at)


# --- the call


class Rang(NamedTuple):
    """A telephone that rang: who had it then (null: nobody), and whether it is a shared one."""

    extension: str
    held: Held | None
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a call, as its reader may see it."""

    seen: SeenCall
    row: CallRow
    matched_at: float | None
    dismissed: bool
    rang: Sequence[Rang]
    """The telephones that rang, and whose they were then."""
    delivery: Delivery | None
    people: Mapping[str, Colleague]
    signed_in: Mapping[str, float]
    asked: str | None
    now: float
    over_when_told: bool


def of_call(known: Known) -> tuple[list[Step], list[Person]]:
    """The steps from the call to the screens, and the people in them."""
    log = known.seen.log
    found = people_of(known)
    concerned = [one for one in found if one.why != "sees"]
    steps = [
        Step("call", "done", "folded", {"call": log.id}, log.started_at),
        _number(known),
        _match(known),
        _extension(known),
        *of_people(concerned or found, known.matched_at),
    ]
    if known.over_when_told:
        steps[-1] = Step("written", "failed", "over-when-told")
    elif steps[-2].light != "failed" and steps[-3].light != "failed":
        steps[-2:] = _screens(known, [one for one in concerned or found if not one.refusal])
    return steps, found


def _number(known: Known) -> Step:
    log = known.seen.log
    if log.direction == "internal":
        return Step("number", "skipped", "internal")
    if log.party_e164 is not None:
        return Step("number", "done", "number-read", {"number": known.row.number})
    if FORGOTTEN in log.marks:
        return Step("number", "unknown", "erased")
    if not known.row.number:
        return Step("number", "partly", "withheld")
    return Step("number", "failed", "no-number", {"number": known.row.number})


def _match(known: Known) -> Step:
    return matched([one.match for one in known.seen.sightings], known.dismissed, known.matched_at)


def matched(matches: Sequence[str], dismissed: bool, at: float | None = None) -> Step:
    """Who it is, by the candidates that exist for the reader; the last of a guess's is that of nobody registered."""
    first = matches[0]
    count = sum(match in ("exact", "probable") for match in matches)
    if first == "internal":
        return Step("match", "skipped", "internal")
    if first == "exact":
        return Step("match", "done", "exact" if count == 1 else "several", {"count": count}, at)
    if first == "probable":
        return Step("match", "partly", "probable", {"count": count}, at)
    if first == "erased":
        return Step("match", "unknown", "erased")
    if first == "withheld":
        return Step("match", "partly", "nobody-withheld", {}, at)
    return Step("match", "partly", "dismissed" if dismissed else "nobody", {}, at)


def _extension(known: Known) -> Step:
    log = known.seen.log
    if log.direction != "in" or not known.rang:
        return Step("extension", "skipped", "nothing-rang")
    names = {user: one.name for user, one in known.people.items()}
    return extensions(known.rang, names, known.matched_at)


def rang_in(log: CallLog) -> list[str]:
    """The telephones that a call rang at, or that talked."""
    return sorted({*log.rang_extensions, *log.ringing_extensions} | ({log.talking_extension or ""} - {""}))


def rang_at(log: CallLog, extension: str, now: float) -> float:
    """When a telephone rang in a call."""
    if log.state != "ended" or extension == log.answered_by_extension:
        return moment_of(log, extension, now)
    return log.ringing_at or log.started_at


def extensions(rang: Sequence[Rang], names: Mapping[str, str], at: float | None = None) -> Step:
    """Whether it is known whose the telephones are."""
    unknown = [one for one in rang if one.held is None]
    if not unknown:
        sat = next((one for one in rang if one.held is not None and one.held.since is not None), None)
        if sat is None or sat.held is None:
            return Step("extension", "done", "held", {"extensions": ", ".join(one.extension for one in rang)}, at)
        name = names.get(sat.held.user, sat.held.user)
        values = {"extensions": sat.extension, "name": name, "since": sat.held.since}
        return Step("extension", "done", "seated", values, at)
    shared = all(one.shared for one in unknown)
    light: Light = "failed" if len(unknown) == len(rang) and not shared else "partly"
    values = {"extensions": ", ".join(one.extension for one in unknown)}
    return Step("extension", light, "shared" if shared else "nobodys", values, at)


# --- the people


def people_of(known: Known) -> list[Person]:
    """Whom the call concerns, and who else was told, as far as the reader may know."""
    labels, delivery = known.seen.labels, known.delivery
    rang = (
        delivery.rang
        if delivery is not None and delivery.rang
        else {one.held.user: 0.0 for one in known.rang if one.held is not None}
    )
    why: dict[str, Why] = {}
    if known.asked is not None:
        why[known.asked] = "asked"
    else:
        why.update(dict.fromkeys(rang, "rings"))
        for label in labels:
            if label.kind == "customer" and label.rep is not None:
                why.setdefault(label.rep, "rep")
    for user in delivery.told if delivery is not None else ():
        why.setdefault(user, "sees")
    found = (person(user, reason, labels, known) for user, reason in why.items() if user in known.people)
    return [one for one in found if one.why != "sees" or not one.refusal]


def person(user: str, why: Why, labels: Sequence[Label], known: Known) -> Person:
    """One of them. What was written to the screens of somebody who sees none of these candidates is not told."""
    colleague = known.people[user]
    refusal = refused(colleague, labels)
    delivery = known.delivery
    if refusal or delivery is None:
        return Person(user, colleague.name, why, refusal, signed_in_at=known.signed_in.get(user))
    told = delivery.told.get(user)
    away = user in delivery.away or (told is None and why == "rep")
    if told is None:
        return Person(user, colleague.name, why, "", away, signed_in_at=known.signed_in.get(user))
    return Person(user, colleague.name, why, "", away, told.at, told.kind, told.cut_at, known.signed_in.get(user))


def refused(colleague: Colleague, labels: Iterable[Label]) -> Refusal:
    """Why a colleague may not see what carries these labels; empty where they may."""
    labels = list(labels)
    if not colleague.active:
        return "inactive"
    if any(colleague.scope.admits(label) for label in labels):
        return ""
    return _short_of(colleague.scope, labels[0])


def _short_of(scope: Scope, label: Label) -> Refusal:
    if label.kind == "customer" and label.confidentiality not in scope.classes:
        return "class"
    if label.kind == "unregistered" and not scope.unregistered:
        return "unregistered"
    return "span"


def of_people(people: Sequence[Person], at: float | None) -> list[Step]:
    """Whether those whom it concerns may see the call; where they may, the screens are not looked at yet."""
    names = ", ".join(one.name for one in people if one.refusal)
    nothing = [Step("screen", "skipped", "not-reached"), Step("written", "skipped", "not-reached")]
    if not people:
        return [Step("told", "failed", "nobody-concerned"), *nothing]
    if not names:
        return [Step("told", "done", "may-see", {}, at), *nothing]
    if all(one.refusal for one in people):
        return [Step("told", "failed", f"refused-{people[0].refusal}", {"names": names}, at), *nothing]
    return [Step("told", "partly", "some-may-not", {"names": names}, at), *nothing]


def _screens(known: Known, people: Sequence[Person]) -> list[Step]:
    """Whether their screens were open, and whether the call was written to them."""
    delivery = known.delivery
    if delivery is None:
        soon = known.now - known.seen.log.started_at < WRITTEN_SOON
        code = "not-known-yet" if soon else "not-kept"
        return [Step("screen", "unknown", code), Step("written", "unknown", code)]
    told = [one for one in people if one.told_at is not None]
    names = ", ".join(one.name for one in people if one.told_at is None)
    if not told:
        if any(one.why == "asked" and not one.away for one in people) and len(delivery.told) >= TOLD_MOST:
            return [Step("screen", "unknown", "too-many"), Step("written", "unknown", "too-many")]
        return [Step("screen", "failed", "no-screen", {"names": names}, delivery.at), _unreached()]
    screen = Step(
        "screen", "partly" if names else "done", "some-away" if names else "open", {"names": names}, delivery.at
    )
    return [screen, _written(told)]


def _written(told: Sequence[Person]) -> Step:
    at = min(one.told_at for one in told if one.told_at is not None)
    cut = [one for one in told if one.cut_at is not None]
    values = {"names": ", ".join(one.name for one in cut)}
    if len(cut) == len(told):
        return Step("written", "failed", "cut-off", values, cut[0].cut_at)
    if cut:
        return Step("written", "partly", "some-cut-off", values, at)
    if all(one.kind == "late" for one in told):
        return Step("written", "partly", "late", {}, at)
    return Step("written", "done", "written", {"count": len(told)}, at)


def _unreached() -> Step:
    return Step("written", "skipped", "not-reached")


def not_there(key: str, light: Light, code: str, values: Mapping[str, Any] | None = None) -> list[Step]:
    """A step that failed, and those behind it that are not reached."""
    place = STEPS.index(key)
    behind = [Step(later, "skipped", "not-reached") for later in STEPS[place + 1 :]]
    return [Step(key, light, code, values or {}), *behind]
