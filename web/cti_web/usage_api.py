"""A service's own server tells of its customers' use (push; spec P2, docs/usage.md): opened by an API token with the
scope ``usage``, within what the token's user may see."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, current_app, jsonify, request

from cti_server.phases.usage_message import LARGEST, read
from cti_server.shared.clock import Clock
from cti_web.bearer import by_token
from cti_web.phases import phases
from cti_web.viewer import desk, needs, signed_in

blueprint = Blueprint("usage_api", __name__, url_prefix="/api")


@blueprint.post("/usage/<int:service>")
@by_token("usage")
@signed_in
@needs("phases")
def tell(service: int) -> Response:
    """Takes readings; says how many, and why others were not taken. The same can be told again."""
    body = request.stream.read(LARGEST + 1)
    now = cast(Clock, current_app.extensions["yobirin.clock"]).now()
    with desk() as use:
        room = phases(use)
        _service, source, _rules = room.usage_source(service)
        outcome = room.told(service, read(body, [one.key for one in source.indexes], now))
    return jsonify(
        kept=outcome.kept, known=outcome.same, refused=outcome.refused, why=outcome.why, first=list(outcome.first)
    )
