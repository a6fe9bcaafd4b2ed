"""Callers nobody knows: register them as a customer, attach them to one, or mark them as no customer (spec C5)."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from cti_server.shared.errors import Invalid
from cti_web.answers import Undo, asked_for, done, fragment, page, wants_fragment
from cti_web.choices import branches, reps
from cti_web.customers import FIELDS
from cti_web.viewer import desk, needs, signed_in

blueprint = Blueprint("unregistered", __name__)


@blueprint.get("/unregistered")
@signed_in
@needs("unregistered")
def show() -> Response:
    """The calls of callers who match nobody, newest first."""
    with desk() as use:
        calls = use.unregistered(request.args.get("after"), 50)
        gaps = use.gaps()
        if asked_for() == "y-more":
            return fragment("unregistered/rows.html", calls=calls)
        if asked_for() == "y-results":
            return fragment("unregistered/results.html", calls=calls, gaps=gaps)
        return page(use, "unregistered/page.html", calls=calls, gaps=gaps)


@blueprint.get("/unregistered/<call>")
@signed_in
@needs("unregistered")
def ask_register(call: str) -> Response:
    """Two ways on: a new customer, or one who is registered already."""
    with desk() as use:
        seen = use.call(call)
        return page(use, "unregistered/one.html", call=seen, form={}, branches=branches(), reps=reps(use))


@blueprint.post("/unregistered/<call>/register")
@signed_in
@needs("unregistered")
def register(call: str) -> Response:
    """Registers the caller; the number's earlier calls become the customer's."""
    form = {name: request.form[name].strip() for name in ("code", *FIELDS) if request.form.get(name)}
    with desk() as use:
        try:
            code = use.register(call, form)
        except Invalid as refused:
            problem = refused
        else:
            return done(
                _("Registered; earlier calls of this number belong to the customer now"),
                then=url_for("customers.card", code=code),
            )
    with desk() as use:
        answer = page(
            use,
            "unregistered/one.html",
            call=use.call(call),
            form=form,
            problem=problem,
            branches=branches(),
            reps=reps(use),
        )
        answer.status_code = 422
        return answer


@blueprint.post("/unregistered/<call>/candidates")
@signed_in
@needs("unregistered")
def candidates(call: str) -> Response:
    """Customers to attach the number to, while somebody types."""
    text = request.form.get("text", "").strip()
    with desk() as use:
        return fragment(
            "unregistered/candidates.html", call_id=call, people=use.search(text, 8) if text else [], text=text
        )


@blueprint.post("/unregistered/<call>/attach")
@signed_in
@needs("unregistered")
def attach(call: str) -> Response:
    """Adds the number to a registered customer."""
    code = request.form.get("customer", "")
    with desk() as use:
        use.attach(call, code)
        return done(_("The number belongs to this customer now"), then=url_for("customers.card", code=code))


@blueprint.post("/unregistered/<call>/dismiss")
@signed_in
@needs("unregistered")
def dismiss(call: str) -> Response:
    """Marks the caller as no customer; their calls stay in the log and ask for nothing any more."""
    with desk() as use:
        use.not_a_customer(call)
        undo = Undo(url_for("unregistered.undo", call=call))
        return done(_("Marked as no customer"), then=url_for("unregistered.show"), undo=undo)


@blueprint.post("/unregistered/<call>/undo")
@signed_in
@needs("unregistered")
def undo(call: str) -> Response:
    """Takes *no customer* back."""
    with desk() as use:
        use.undo_not_a_customer(call)
        return done(_("Undone"), then=url_for("unregistered.show"))


@blueprint.post("/unregistered/<call>/dial")
@signed_in
@needs("unregistered")
def dial(call: str) -> Response:
    """Calls the caller back through the exchange."""
    with desk() as use:
        use.dial(call, None)
        if wants_fragment():
            return fragment("parts/dialling.html", state="asked")
        return done(_("Your telephone will ring"), then=url_for("unregistered.show"))
