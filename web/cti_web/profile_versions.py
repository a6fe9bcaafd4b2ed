"""The versions of a saved profile: who saved what and when, what each changed, and the way back to any (spec O3)."""

from __future__ import annotations

import difflib
from typing import NamedTuple

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext

from cti_adapters.profiles import faults_of
from cti_server.exchanges.profiles import Version
from cti_server.shared.errors import Invalid
from cti_web.answers import done, page
from cti_web.exchange_settings import managing_profiles
from cti_web.viewer import desk, needs, signed_in

blueprint = Blueprint("profile_versions", __name__)


class Change(NamedTuple):
    """A line of what a version changed. ``sign``: ``+``, ``-``, blank, or ``@`` where lines were left out."""

    sign: str
    text: str


class Shown(NamedTuple):
    """A version and what it changed; no changes: it is the first."""

    version: Version
    changes: list[Change]


@blueprint.get("/admin/profiles/own/<profile>")
@signed_in
@needs("exchanges")
def show(profile: str) -> Response:
    """All versions of one."""
    with desk() as use:
        manage = managing_profiles(use)
        versions = [Shown(one, changes(one)) for one in manage.versions(profile)]
        newest = versions[0].version.saved
        return page(
            use,
            "profiles/versions.html",
            newest=newest,
            versions=versions,
            users=manage.users(profile),
            faults=[] if newest.removed else faults_of(newest.source, newest.name),
        )


@blueprint.post("/admin/profiles/own/<profile>/back")
@signed_in
@needs("exchanges")
def go_back(profile: str) -> Response:
    """Has an older version hold again."""
    with desk() as use:
        manage = managing_profiles(use)
        manage.versions(profile)
        wanted, version = _numbers("wanted", "version")
        manage.go_back(profile, wanted, version)
    said = gettext("Version %(number)d holds again", number=wanted)
    return done(said, then=url_for("profile_versions.show", profile=profile))


@blueprint.post("/admin/profiles/own/<profile>/remove")
@signed_in
@needs("exchanges")
def remove(profile: str) -> Response:
    """Has there be no such profile any more; its versions stay."""
    with desk() as use:
        manage = managing_profiles(use)
        manage.versions(profile)
        manage.remove(profile, *_numbers("version"))
    said = gettext("The profile %(name)s is removed", name=profile)
    return done(said, then=url_for("profile_versions.show", profile=profile))


def _numbers(*names: str) -> list[int]:
    sent = [request.form.get(name, "") for name in names]
    if not all(one.isdecimal() for one in sent):
        raise Invalid("This form is not whole; load the page again", "version", "no-version")
    return [int(one) for one in sent]


def changes(version: Version) -> list[Change]:
    """What a version changed of the one before it."""
    if not version.before or version.saved.removed:
        return []
    lines = difflib.unified_diff(version.before.splitlines(), version.saved.source.splitlines(), n=2, lineterm="")
    return [Change(line[:1], line[1:] if line[:1] != "@" else "") for line in list(lines)[2:]]
