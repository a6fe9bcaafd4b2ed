"""Why was there no pop-up? For a number, for a call, or as a dry run (``calls/desk_tracing.py``). A number is only ever
sent in a form: no address holds one."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, Response, request

from cti_adapters.wire.ami import Message
from cti_adapters.wire.ami_events import decode
from cti_server.calls.events import Unreadable
from cti_server.calls.tracing import PopUpTrace, Step
from cti_server.shared import phone
from cti_web import exchanges, formats, why_words
from cti_web.answers import fragment, page, wants_fragment
from cti_web.exchange_settings import managing
from cti_web.viewer import desk, needs, signed_in, viewer

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk

blueprint = Blueprint("why", __name__)

LINE_LONGEST: Final = 20_000


@blueprint.get("/admin/exchanges/<exchange>/why")
@signed_in
@needs("exchanges")
def form(exchange: str) -> Response:
    """The form by itself."""
    with desk() as use:
        return page(use, "exchanges/why_form.html", row=use.exchange(exchange))


@blueprint.post("/admin/exchanges/<exchange>/why")
@signed_in
@needs("exchanges")
def ask(exchange: str) -> Response:
    """The newest call of a number about a time, step by step."""
    sent = request.form
    with desk() as use:
        use.exchange(exchange)
        number = phone.e164(sent.get("number", "").strip(), _plan(use, exchange))
        return _answer(use, use.why_number(exchange, number, _moment(sent.get("at", "")), sent.get("user") or None))


@blueprint.post("/admin/exchanges/<exchange>/why/dry")
@signed_in
@needs("exchanges")
def dry(exchange: str) -> Response:
    """What would happen if a number rang an extension now, or if this line came. Nothing is stored."""
    sent = request.form
    with desk() as use:
        use.exchange(exchange)
        raw, extension, line = (sent.get(name, "").strip() for name in ("number", "extension", "line"))
        plan = _plan(use, exchange)
        read = None
        if line:
            message = Message(line[:LINE_LONGEST].replace("\r", "").encode())
            read = _read(message)
            raw = raw or message.get("CallerIDNum")
            extension = extension or message.get("DialString") or message.get("DestExten") or message.get("Exten")
        trace = use.dry_run(exchange, raw or None, plan, extension)
        if read is not None:
            trace.steps = [read if step.key == "read" else step for step in trace.steps]
        return _answer(use, trace)


@blueprint.get("/admin/exchanges/<exchange>/why/<call>")
@signed_in
@needs("exchanges")
def one(exchange: str, call: str) -> Response:
    """One call, step by step."""
    with desk() as use:
        return _answer(use, use.why(exchange, call, request.args.get("user") or None))


def _answer(use: Desk, trace: PopUpTrace) -> Response:
    values: dict[str, Any] = {"trace": trace, "row": use.exchange(trace.exchange)}
    if wants_fragment():
        return fragment("exchanges/why_answer.html", **values)
    return page(use, "exchanges/why_page.html", **values)


def _plan(use: Desk, exchange: str) -> phone.Plan:
    """How the exchange writes numbers."""
    values = managing(use).entry(exchange).values
    usual = phone.Plan()
    names = ("region", "area_code", "outside_prefix", "extensions")
    return phone.Plan(*(str(values.get(name) or getattr(usual, name)) for name in names))


def _read(message: Message) -> Step:
    """What the server would make of one message of Asterisk's."""
    event = decode(message, formats.now())
    if isinstance(event, Unreadable):
        return Step("read", "failed", "line-unreadable", {"reason": event.reason})
    if event is None:
        return Step("read", "partly", "line-not-needed")
    return Step("read", "done", "line-read", {"name": type(event).__name__})


def _moment(text: str) -> float:
    """The time that was entered, in the viewer's zone; now where there is none."""
    with suppress(ValueError):
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(viewer.timezone)).timestamp()
    return formats.now()


def register(app: Flask) -> None:
    """Makes the words known to the templates."""

    def found(step: Step) -> str:
        return why_words.found(step, app.jinja_env.filters["moment"], exchanges.in_words)

    app.jinja_env.globals.update(
        why_found=found,
        WHY_STEPS=why_words.STEPS,
        WHY_LIGHTS=why_words.LIGHTS,
        WHY_REASONS=why_words.WHY,
        WHY_REFUSALS=why_words.REFUSALS,
    )
