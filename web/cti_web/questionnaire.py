"""A questionnaire under its link: a page for a customer's telephone, without a sign-in, cookies or scripts (spec P6).

The link is all that is needed, so the page tells nobody where it came from, is kept by no cache and found by no search
engine; nothing of its address is logged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _

from cti_adapters.storage import outbox
from cti_server.phases.desk_asking import LANGUAGES, Answering
from cti_server.phases.questionnaires import Form, takes_answers
from cti_server.shared.errors import Conflict, Invalid, Unavailable
from cti_server.shared.scope import EVERYTHING
from cti_web import typed
from cti_web.answers import private
from cti_web.sentences import said
from cti_web.viewer import public

blueprint = Blueprint("questionnaire", __name__)

LONGEST_TOKEN: Final = 64


@blueprint.get("/q/<token>")
@public
def show(token: str) -> Response:
    """The questions, with what was answered so far."""
    with _answering() as use:
        form = use.open(token) if len(token) <= LONGEST_TOKEN else None
    return _page(token, form) if form is not None else _no_link()


@blueprint.post("/q/<token>")
@public
def answer(token: str) -> Response:
    """Keeps what was answered."""
    said_so_far = typed.items(request.form)
    finished = request.form.get("do") == "finish"
    problem: Invalid | Conflict | None = None
    try:
        with _answering() as use:
            form = use.answer(token, said_so_far, finished)
    except (Invalid, Conflict) as refused:
        problem = refused
        with _answering() as use:
            form = use.open(token)
    if form is None:
        return _no_link()
    if problem is not None:
        return _page(token, form, problem, said_so_far)
    kept = "finished" if finished else "kept"
    return _bare(
        cast(Response, redirect(url_for("questionnaire.show", token=token, lang=_chosen(form), said=kept), 303))
    )


def _page(
    token: str, form: Form, problem: Invalid | Conflict | None = None, said_so_far: dict[int, str] | None = None
) -> Response:
    language = _chosen(form)
    field = getattr(problem, "field", None) or ""
    with force_locale(language):
        values: dict[str, Any] = {
            "form": form,
            "token": token,
            "language": language,
            "languages": LANGUAGES,
            "open": takes_answers(form.state),
            "typed": {**form.values, **(said_so_far or {})},
            "problem": (said(problem) or _("Something in what you entered does not fit")) if problem else "",
            "field": field,
            "field_text": next((one.question(language) for one in form.items if one.label == field), field),
            "said": request.args.get("said", ""),
        }
        body = render_template("questionnaire/page.html", **values)
    status = 200 if problem is None else 409 if isinstance(problem, Conflict) else 422
    return _bare(private(body, status), language)


def _no_link() -> Response:
    """The same for a link that never was and one that is mistyped."""
    status = 404
    try:
        cast(Any, current_app.extensions["yobirin.accounts"]).wrong_link(request.remote_addr or "")
    except Unavailable:
        status = 429
    return _bare(private(render_template("questionnaire/no_link.html", often=status == 429), status))


def _bare(response: Response, language: str = "") -> Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    if language:
        response.headers["Content-Language"] = language
    return response


def _chosen(form: Form) -> str:
    """The language: the one that was switched to, else the link's."""
    wanted = request.values.get("lang", "")
    return wanted if wanted in LANGUAGES else form.link.language


@contextmanager
def _answering() -> Iterator[Answering]:
    """The use cases of who has a link, in a transaction of the server's own."""
    extensions: Any = current_app.extensions
    with extensions["yobirin.database"].open(EVERYTHING) as work:
        outbox.watch(work, extensions["yobirin.outbox"].wake)
        yield Answering(work, extensions["yobirin.clock"])
