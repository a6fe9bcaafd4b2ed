"""What a telephone's user, seat and change are called, in the reader's language."""

from __future__ import annotations

from typing import Any, Final

from flask_babel import LazyString, gettext, lazy_gettext

from cti_server.identity.telephones import Plan
from cti_web.labels import Label

_ = lazy_gettext

KINDS: Final[dict[str, Label]] = {
    "own": Label(_("One user's"), ""),
    "shared": Label(_("Shared"), "violet"),
    "free": Label(_("Free"), ""),
    "seated": Label(_("Taken for the day"), "green"),
}

ENDINGS: Final[dict[str, LazyString]] = {
    "left": _("left"),
    "moved": _("sat down elsewhere"),
    "taken": _("somebody else took it"),
    "time": _("the hour came"),
    "signed-out": _("signed out"),
    "shared": _("became a shared telephone"),
    "removed": _("the extension was removed"),
    "administrator": _("ended by an administrator"),
    "changed": _("became somebody else's, or nobody's"),
}
"""Why somebody has it no more (``telephones.Ending``)."""


def of_plan(plan: Plan) -> list[str]:
    """What a change would do, in sentences: whose pop-ups and calls change, and what stays."""
    number, row = plan.extension, plan.now
    before = row.name(row.telephone.user) if row is not None and row.telephone.user else ""
    if not plan.changes:
        return [gettext("Nothing changes: that is how it is.")]
    found = [_from_now_on(plan, number)]
    if before:
        found.append(gettext("Its calls so far stay those of %(name)s, who no longer gets its pop-ups.", name=before))
    elif row is not None:
        found.append(gettext("Its calls so far stay as they are."))
    if row is not None and row.seat is not None:
        sits = row.name(row.seat.user)
        if plan.shared or plan.removes:
            found.append(gettext("%(name)s, who sits there today, sits there no more and is told.", name=sits))
        else:
            found.append(gettext("%(name)s sits there today and has its calls until they leave.", name=sits))
    return found


def _from_now_on(plan: Plan, number: str) -> str:
    return str(_what_holds(plan, number))


def _what_holds(plan: Plan, number: str) -> Any:
    if plan.removes:
        return gettext("%(number)s leaves the list: when it rings, nobody is told by it.", number=number)
    if plan.shared:
        return gettext(
            "From now on %(number)s is nobody's: when it rings nobody is told by it, and who took a call there is "
            "entered with the call.",
            number=number,
        )
    if plan.user is not None:
        return gettext(
            "From now on calls at %(number)s pop up at %(name)s, who is their receiving rep.",
            number=number,
            name=plan.user.name,
        )
    return gettext("From now on %(number)s is nobody's until somebody takes it for the day.", number=number)
