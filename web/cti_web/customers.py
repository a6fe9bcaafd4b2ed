"""Customers: search by name, kana, number or code; the card with everything about one; changes (spec/70)."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, redirect, request, url_for
from flask_babel import gettext as _

from cti_server.shared.errors import Conflict, Invalid
from cti_web.answers import asked_for, done, fragment, page, wants_fragment
from cti_web.choices import branches, reps
from cti_web.phases import phases
from cti_web.viewer import desk, needs, signed_in

blueprint = Blueprint("customers", __name__)

FIELDS: Final = ("name", "kana", "address", "mail", "language", "branch", "rep", "confidentiality", "notes", "numbers")
SUGGESTIONS: Final = 8


def like_number(text: str) -> bool:
    """Whether the text is a telephone number rather than a name or a code: it must not get into an address."""
    return sum(one.isdecimal() for one in text) > 6 and not any(one.isalpha() for one in text)


@blueprint.get("/customers")
@signed_in
def show() -> Response:
    """All customers in the viewer's scope by kana, or those whose name, kana or code begins so."""
    text = request.args.get("q", "").strip()
    codes = request.args.getlist("code")
    with desk() as use:
        if codes:
            people = [use.customer(code).who for code in codes[:20]]
            return page(use, "customers/choose.html", people=people)
        found = use.customers(text, request.args.get("after"), 50)
        values: dict[str, Any] = {"found": found, "text": text}
        if asked_for() == "y-more":
            return fragment("customers/rows.html", **values)
        return page(use, "customers/page.html", **values)


@blueprint.post("/customers/find")
@signed_in
def find() -> Any:
    """The search of the header. A name goes into the address of the list; a number is looked up here and does not."""
    text = request.form.get("text", "").strip()
    if not like_number(text):
        return redirect(url_for("customers.show", q=text) if text else url_for("customers.show"), 303)
    with desk() as use:
        people = use.search(text, 20)
        if len(people) == 1:
            return redirect(url_for("customers.card", code=people[0].code), 303)
        return page(use, "customers/choose.html", people=people)


@blueprint.post("/customers/suggest")
@signed_in
def suggest() -> Response:
    """What the search of the header shows while somebody types."""
    text = request.form.get("text", "").strip()
    with desk() as use:
        people = use.search(text, SUGGESTIONS) if len(text) > 1 or (text and not text.isascii()) else []
        return fragment("customers/suggestions.html", people=people, text=text)


@blueprint.get("/customers/<code>")
@signed_in
def card(code: str) -> Response:
    """One customer."""
    with desk() as use:
        seen = use.customer(code)
        return page(use, "customers/card.html", customer=seen, deals=phases(use).deals_of(code))


@blueprint.get("/customers/<code>/change")
@signed_in
@needs("customers")
def ask_change(code: str) -> Response:
    """The customer's form."""
    with desk() as use:
        seen = use.customer(code)
        return page(use, "customers/change.html", customer=seen, form=_as_form(seen), **_choices(use))


@blueprint.post("/customers/<code>/change")
@signed_in
@needs("customers")
def change(code: str) -> Response:
    """Saves a change; where somebody else was quicker, both versions are shown and nothing typed is lost."""
    form = {name: request.form[name].strip() for name in FIELDS if name in request.form}
    problem: Invalid | Conflict
    with desk() as use:
        seen = use.customer(code)
        try:
            use.change_customer(code, form, int(request.form.get("version", "0")))
        except (Invalid, Conflict) as refused:
            problem = refused
        else:
            return done(_("Saved"), then=url_for("customers.card", code=code))
    with desk() as use:
        seen = use.customer(code)
        theirs = _as_form(seen) if isinstance(problem, Conflict) else None
        answer = page(
            use, "customers/change.html", customer=seen, form=form, problem=problem, theirs=theirs, **_choices(use)
        )
        answer.status_code = 409 if theirs else 422
        return answer


def _as_form(seen: Any) -> dict[str, str]:
    who = seen.who
    return {
        "name": who.name,
        "kana": who.kana,
        "address": seen.address,
        "mail": who.mail,
        "language": who.language,
        "branch": who.branch,
        "rep": who.rep or "",
        "confidentiality": str(who.confidentiality),
        "notes": seen.notes,
        "numbers": "\n".join(shown for shown, _kind, _masked in seen.numbers),
    }


def _choices(use: Any) -> dict[str, Any]:
    return {"branches": branches(), "reps": reps(use)}


@blueprint.post("/customers/<code>/reveal")
@signed_in
def reveal(code: str) -> Response:
    """Shows the customer's whole first number; that it was shown is in the trail."""
    with desk() as use:
        return fragment("parts/revealed.html", number=use.reveal(code, request.form.get("reason", "")))


@blueprint.post("/customers/<code>/dial")
@signed_in
def dial(code: str) -> Response:
    """Calls the customer through the exchange."""
    with desk() as use:
        use.dial(code, request.form.get("number") or None)
        if wants_fragment():
            return fragment("parts/dialling.html", state="asked")
        return done(_("Your telephone will ring"), then=url_for("customers.card", code=code))


@blueprint.post("/customers/<code>/record")
@signed_in
def record(code: str) -> Response:
    """Records a contact that no call led to (a visit, a letter)."""
    form = request.form
    with desk() as use:
        use.record(
            None,
            [],
            code,
            form.get("kind", "contact"),
            form.get("channel", "phone"),
            form.get("result", ""),
            form.get("note", "").strip(),
        )
        return done(_("Recorded"), then=url_for("customers.card", code=code))
