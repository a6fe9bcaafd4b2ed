"""The viewer's API tokens: made, shown once, revoked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol, cast

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from cti_server.identity.token_ports import ApiToken, TokenScope
from cti_server.identity.tokens import scopes_for
from cti_server.shared.errors import Invalid
from cti_server.shared.viewer import Viewer
from cti_web import formats, sentences
from cti_web.answers import done, page
from cti_web.viewer import desk, signed_in, viewer

blueprint = Blueprint("tokens", __name__)

SCOPES: Final[dict[TokenScope, LazyString]] = {
    "calls": lazy_gettext("The call log"),
    "customers": lazy_gettext("Customers"),
    "report": lazy_gettext("The report as CSV"),
    "audit": lazy_gettext("Calls' trails, for reviewers"),
    "live": lazy_gettext("The live stream of calls"),
    "usage": lazy_gettext("Tell of customers’ use of services"),
}
DAYS: Final = (30, 90, 180, 365)


class Tokens(Protocol):
    """What the page needs of the identity room."""

    def mine(self, viewer: Viewer) -> Sequence[ApiToken]:
        """The viewer's own."""

    def make(
        self, user_id: str, name: str, scopes: Iterable[str], days: int, by: str | None = None
    ) -> tuple[str, ApiToken]:
        """Gives the text of a new one, this once."""

    def revoke(self, token_id: int, user_id: str | None, by: str | None = None) -> ApiToken:
        """Ends one."""


@blueprint.get("/me/tokens")
@signed_in
def show() -> Response:
    """The viewer's tokens, and the form for another."""
    return _page()


@blueprint.post("/me/tokens")
@signed_in
def make() -> Response:
    """Makes one and shows it, this once."""
    form = request.form
    days = form.get("days", "")
    try:
        wanted = form.getlist("scopes")
        text, token = _tokens().make(
            viewer.id, form.get("name", "")[:200], wanted, int(days) if days.isdecimal() else 0, viewer.id
        )
    except Invalid as refused:
        said = sentences.said(refused) or _("Something in what you entered does not fit")
        return _page(problem=said, field=refused.field or "")
    return _page(text=text, made=token)


@blueprint.post("/me/tokens/<int:token>/revoke")
@signed_in
def revoke(token: int) -> Response:
    """Ends one, at once."""
    ended = _tokens().revoke(token, viewer.id, viewer.id)
    return done(_("The token “%(name)s” opens nothing any more", name=ended.name), then=url_for("tokens.show"))


def _page(problem: str = "", field: str = "", text: str = "", made: ApiToken | None = None) -> Response:
    tokens = _tokens().mine(viewer)
    values = {"tokens": tokens, "scopes": {one: SCOPES[one] for one in scopes_for(viewer)}, "all_scopes": SCOPES}
    with desk() as use:
        answer = page(
            use,
            "tokens/page.html",
            problem=problem,
            field=field,
            text=text,
            made=made,
            days=DAYS,
            over=[one.id for one in tokens if one.expires <= formats.now()],
            form=request.form,
            **values,
        )
    answer.status_code = 422 if problem else 200
    return answer


def _tokens() -> Tokens:
    return cast(Tokens, current_app.extensions["yobirin.accounts"].tokens)
