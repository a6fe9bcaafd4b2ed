"""Use of a service: where it is known from, and what it prompts; for who sets phases up (spec P2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, cast

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import gettext as _

from cti_adapters.secret_folder import SecretFolder
from cti_adapters.usage_pull import UsagePull
from cti_adapters.usage_server import UsageServer
from cti_server.phases.desk_using import indexes
from cti_server.phases.filling import number
from cti_server.phases.usage import Outcome, UsageRule
from cti_server.shared.errors import Conflict
from cti_web.answers import done, page
from cti_web.phases import phases
from cti_web.typed import whole
from cti_web.viewer import desk, needs, signed_in

blueprint = Blueprint("phases_usage", __name__)

LONGEST_TOKEN: Final = 2000


@blueprint.get("/admin/phases/<int:service>/usage")
@signed_in
@needs("phases")
def show(service: int) -> Response:
    """Source and rules."""
    with desk() as use:
        room = phases(use)
        found, source, rules = room.usage_source(service)
        return page(use, "phases/usage.html", service=found, source=source, rules=rules, whole=not room.partly)


@blueprint.post("/admin/phases/<int:service>/usage")
@signed_in
@needs("phases")
def save(service: int) -> Response:
    """Another source."""
    form = request.form
    token = form.get("token", "").strip()[:LONGEST_TOKEN]
    with desk() as use:
        room = phases(use)
        _service, source, _rules = room.usage_source(service)
        changed = replace(
            source,
            indexes=indexes(form.get("indexes", "")),
            address=form.get("address", "").strip(),
            every_hours=whole(form.get("every_hours", "24")) or 0,
            version=whole(form.get("version", "")) or 0,
        )
        if token and changed.address:
            changed = replace(changed, secret=_secrets().keep("usage", token))
        elif "no_token" in form or not changed.address:
            changed = replace(changed, secret="")
        room.save_source(changed)
    return _saved(service)


@blueprint.post("/admin/phases/<int:service>/usage/rule")
@signed_in
@needs("phases")
def add_rule(service: int) -> Response:
    """Something more that a customer's use prompts."""
    form = request.form
    rule = UsageRule(
        id=0,
        service=service,
        index=form.get("index", ""),
        measure=cast(Any, form.get("measure", "")),
        side=cast(Any, form.get("side", "")),
        threshold=number(form.get("threshold", ""), "threshold"),
        days=whole(form.get("days", "30")) or 0,
        advice=cast(Any, form.get("advice", "")),
        topic=form.get("topic", ""),
    )
    with desk() as use:
        phases(use).add_usage_rule(rule)
    return _saved(service)


@blueprint.post("/admin/phases/<int:service>/usage/rule/<int:rule>/remove")
@signed_in
@needs("phases")
def remove_rule(service: int, rule: int) -> Response:
    """It prompts nothing any more."""
    with desk() as use:
        phases(use).remove_usage_rule(service, rule)
    return _saved(service)


@blueprint.post("/admin/phases/<int:service>/usage/ask")
@signed_in
@needs("phases")
def ask(service: int) -> Response:
    """Asks the service's server now."""
    with desk() as use:
        _service, source, _rules = phases(use).usage_source(service)
    if not source.address:
        raise Conflict("Enter the address of the service's server first")
    extensions: Any = current_app.extensions
    settings = extensions["yobirin.settings"]
    pull = UsagePull(
        extensions["yobirin.database"],
        _secrets(),
        extensions["yobirin.clock"],
        UsageServer(settings.usage.private_hosts),
        extensions["yobirin.outbox"].wake,
    )
    outcome = pull.ask(source)
    return done(_said(outcome), then=url_for("phases_usage.show", service=service))


def _said(outcome: Outcome) -> str:
    return str(_("It did not work; see below") if outcome.problem else _("Asked"))


def _saved(service: int) -> Response:
    return done(_("Saved"), then=url_for("phases_usage.show", service=service))


def _secrets() -> SecretFolder:
    return SecretFolder(current_app.extensions["yobirin.settings"].data_dir)
