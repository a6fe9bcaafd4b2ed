"""``cti exchange why``: why there was no pop-up, step by step (the page of the exchange says the same)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from cti_server.settings import ExchangeSettings, load
from cti_server.shared.errors import YobirinError
from cti_server.shared.scope import Scope, Span
from cti_server.shared.viewer import Viewer

if TYPE_CHECKING:
    from cti_server.calls.tracing import PopUpTrace

OPERATOR: Final = Viewer(
    id="cti",
    login="cti",
    name="cti exchange why",
    branch="",
    branch_name="",
    role="",
    scope=Scope("cti", "", Span.ALL, frozenset({1, 2, 3}), unregistered=True),
    rights=frozenset({"exchanges"}),
    language="en",
)
"""Whoever may read the data folder: sees every call, with masked numbers. The look stands in the trail as ``cti``."""
_SIGNS: Final = {"done": "ok", "partly": "~", "failed": "NO", "unknown": "?", "skipped": "-"}


def add(actions: Any, config: Any) -> None:
    """Adds the action to the parser of ``cti exchange``."""
    parser = actions.add_parser(
        "why",
        help="why there was no pop-up for a call",
        description="Says how far a call came from the exchange's bytes to the screens, step by step. That it was "
        "looked at stands in the trail.",
    )
    parser.add_argument("id", help="the exchange")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--number", help="the caller's number, in any form")
    what.add_argument("--call", help="the id of a call, as cti calls lists it")
    parser.add_argument("--at", help="about when, in the exchange's time zone: 2026-11-22T10:05 (default: now)")
    config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the steps. 0: nothing is known to have broken; 1: something has."""
    from cti_adapters.exchanges.kinds import numbers_of
    from cti_adapters.storage.settings_now import with_saved
    from cti_adapters.storage.work import Database
    from cti_server.calls.desk import Desk
    from cti_server.shared import phone
    from cti_server.shared.clock import SystemClock

    settings = load(args.config)
    exchange = _exchange(with_saved(settings).exchanges, args.id, args.config)
    clock = SystemClock()
    at = clock.now() if args.at is None else _moment(args.at, exchange.timezone)
    database = Database(settings.database_url)
    try:
        database.check()
        with database.open(OPERATOR.scope) as work:
            desk = Desk(work, OPERATOR, clock)
            if args.call is not None:
                trace = desk.why(exchange.id, args.call)
            else:
                trace = desk.why_number(exchange.id, phone.e164(args.number, numbers_of(exchange)), at)
    finally:
        database.close()
    for line in said(trace, exchange.timezone):
        print(line)
    return 0 if trace.first_red is None else 1


def said(trace: PopUpTrace, timezone: str) -> Iterator[str]:
    """The steps as lines; times in the exchange's zone."""
    from cti_web.exchanges import in_words
    from cti_web.why_words import REFUSALS, STEPS, WHY, found

    zone = ZoneInfo(timezone)

    def exact(at: float) -> str:
        return datetime.fromtimestamp(at, zone).isoformat(" ", "milliseconds")

    if trace.call is not None:
        yield f"{trace.call.id}: {exact(trace.call.started_at)}, {trace.call.number or 'number withheld'}"
    for step in trace.steps:
        at = f" [{exact(step.at)}]" if step.at else ""
        yield f"{_SIGNS[step.light]:>2}  {STEPS[step.key]}: {found(step, exact, in_words)}{at}"
    for one in trace.people:
        refusal = str(REFUSALS[one.refusal]) if one.refusal else ""
        told = f"written {exact(one.told_at)}" if one.told_at else "not written"
        yield f"    {one.name} ({WHY[one.why]}): {refusal or told}"


def _exchange(exchanges: tuple[ExchangeSettings, ...], wanted: str, config: Path) -> ExchangeSettings:
    found = next((one for one in exchanges if one.id == wanted), None)
    if found is None:
        known = ", ".join(one.id for one in exchanges) or "none"
        raise YobirinError(f"there is no exchange “{wanted}” in {config} (there: {known}); name one of these")
    return found


def _moment(text: str, timezone: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as bad:
        raise YobirinError(f"--at {text} is no time; write it like 2026-11-22T10:05") from bad
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(timezone))).timestamp()
