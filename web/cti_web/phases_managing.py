"""Phases for who looks after a branch or the firm: the funnel, CLTV by member and phase, the paths behind it."""

from __future__ import annotations

from typing import NamedTuple

from flask import Blueprint, Response, request

from cti_server.phases.choosing import Rule
from cti_server.phases.filling import rule
from cti_server.phases.views import MemberSum, ServicePage
from cti_server.shared.errors import NotFound
from cti_web.answers import asked_for, fragment, page
from cti_web.phases import phases
from cti_web.viewer import desk, signed_in

blueprint = Blueprint("phases_managing", __name__)


class MemberLine(NamedTuple):
    """A member's row: what they did in each phase."""

    member: str
    name: str
    of: dict[int, MemberSum]
    total: int
    """Over all phases; it orders the rows."""


@blueprint.get("/phases/overview")
@signed_in
def show() -> Response:
    """Each service with its funnel and its members."""
    with desk() as use:
        room = phases(use)
        services = [
            (one, member_lines(one), room.proposals(one.service.id), room.trials(one.service.id))
            for one in room.overview()
        ]
        if asked_for() == "y-overview":
            return fragment("phases/overview_services.html", services=services)
        return page(use, "phases/overview.html", services=services)


@blueprint.get("/phases/overview/<int:service>/<int:phase>/<member>")
@signed_in
def paths(service: int, phase: int, member: str) -> Response:
    """The table of paths behind a member's value in a phase."""
    with desk() as use:
        room = phases(use)
        known = next((one for one in room.overview() if one.service.id == service), None)
        own = [one for one in known.members if (one.member, one.phase) == (member, phase)] if known else []
        if known is None or not own:
            raise NotFound("There is no such member in this phase")
        rows = room.paths(service, phase, member)
        return page(use, "phases/paths.html", service=known.service, own=own[0], rows=rows)


@blueprint.get("/phases/overview/<int:service>/try")
@signed_in
def dry_run(service: int) -> Response:
    """Past deals under another rule."""
    with desk() as use:
        room = phases(use)
        known = next((one.service for one in room.overview() if one.service.id == service), None)
        if known is None:
            raise NotFound("There is no such service")
        asked = request.args.get("rule")
        found = room.dry_run(service, rule(asked)) if asked else None
        if asked_for() == "y-tried":
            return fragment("phases/tried.html", service=known, found=found)
        return page(use, "phases/try.html", service=known, found=found, rules=list(Rule))


def member_lines(of: ServicePage) -> list[MemberLine]:
    """A service's members, those with the most first."""
    found: dict[str, MemberLine] = {}
    for one in of.members:
        line = found.get(one.member, MemberLine(one.member, one.name, {}, 0))
        found[one.member] = line._replace(of=line.of | {one.phase: one}, total=line.total + one.total)
    return sorted(found.values(), key=lambda line: (-line.total, line.name))
