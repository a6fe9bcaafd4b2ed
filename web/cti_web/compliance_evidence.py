"""Evidence packs: calls with all that is known of them, as a ZIP that proves itself (spec C6, decision 025)."""

from __future__ import annotations

import secrets
from typing import Any, Final, cast

from flask import Blueprint, Response, current_app, request, stream_with_context

from cti_adapters.storage.audit_seals import seal
from cti_adapters.storage.work import Database, writing
from cti_server.calls.desk_evidence import MOST
from cti_server.shared.errors import Conflict, Unavailable
from cti_server.shared.viewer import Viewer
from cti_web import calls, evidence_pack, formats, periods
from cti_web.compliance_coverage import asked_of, reviewing
from cti_web.viewer import desk, needs, signed_in, viewer

blueprint = Blueprint("compliance_evidence", __name__)

TRIES: Final = 5


@blueprint.post("/compliance/evidence/<call>")
@signed_in
@needs("audit")
def of_call(call: str) -> Response:
    """A pack of one call."""
    return _made([call], {})


@blueprint.post("/compliance/evidence")
@signed_in
@needs("audit")
def of_list() -> Response:
    """A pack of the calls that a list's filters find."""
    period = periods.read(request.form, viewer.timezone, formats.now())
    chosen = calls.chosen(request.form)
    with desk() as use:
        found = use.calls_for_evidence(calls.query_of(period, chosen))
    return _made(found, period.address | chosen)


@blueprint.post("/compliance/coverage/evidence")
@signed_in
@needs("audit")
def of_coverage() -> Response:
    """A pack of the calls that the filters of the coverage page leave."""
    _period, query, address = asked_of(form=True)
    with desk() as use:
        found = use.enough_for_evidence(reviewing(use).calls_for_evidence(query, MOST))
    return _made(found, {name: str(value) for name, value in address.items()})


def _made(found: list[str], filters: dict[str, str]) -> Response:
    pack = secrets.token_hex(6)
    with desk() as use:
        whole = use.take_evidence(found, pack, request.form.get("reason", ""), filters)
    _sealed()
    asked = evidence_pack.Asked(pack, found, filters, whole, formats.now())
    who = cast(Any, viewer)._get_current_object()
    body = stream_with_context(evidence_pack.made(asked, cast(Viewer, who), desk))
    name = evidence_pack.name_of(asked, who)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, mimetype="application/zip", headers=headers)


def _sealed() -> None:
    """Seals the trail, so that a seal covers what the pack tells."""
    database: Database = current_app.extensions["yobirin.database"]
    for _try in range(TRIES):
        try:
            seal(writing(database.engine), formats.now(), viewer.id)
            return
        except Conflict:  # somebody made one at the same time, perhaps a moment too early for us
            continue
    raise Unavailable("The trail is being sealed by others just now; try again in a moment")
