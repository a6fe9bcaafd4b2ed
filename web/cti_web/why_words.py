"""What each step between an exchange's bytes and the screens is called, and what was found and is to be done about it
(``cti_server.calls.tracing``)."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from flask_babel import LazyString, lazy_gettext

from cti_server.calls.tracing import Step

_ = lazy_gettext

STEPS: Final[dict[str, LazyString]] = {
    "link": _("Exchange connected"),
    "rights": _("Signed in with the rights"),
    "bytes": _("Something came"),
    "read": _("Could be read"),
    "call": _("Became a call"),
    "number": _("Number read"),
    "match": _("Customer matched"),
    "extension": _("Telephone known"),
    "told": _("May be told"),
    "screen": _("Screen open"),
    "written": _("Written to the screen"),
}

LIGHTS: Final[dict[str, tuple[str, LazyString]]] = {
    "done": ("green", _("done")),
    "partly": ("amber", _("in part")),
    "failed": ("red", _("here it broke")),
    "unknown": ("grey", _("not known")),
    "skipped": ("grey", _("not reached")),
}
"""Light -> tone and word."""

WHY: Final[dict[str, LazyString]] = {
    "asked": _("asked about"),
    "rings": _("their telephone"),
    "rep": _("rep in charge"),
    "sees": _("sees it too"),
}

REFUSALS: Final[dict[str, LazyString]] = {
    "class": _("The customer's class is beyond their role's limit."),
    "unregistered": _("Their role does not see unregistered callers."),
    "span": _("It lies outside their role's span."),
    "inactive": _("Their account is switched off."),
}

FOUND: Final[dict[str, LazyString]] = {
    "connected": _("It was connected."),
    "blind": _("It was not heard from %(since)s to %(until)s: %(reason)s"),
    "still-blind": _("It has not been heard since %(since)s: %(reason)s"),
    "down": _("There has been no link since %(since)s: %(reason)s"),
    "refused": _("It has refused the sign-in since %(since)s: %(reason)s"),
    "link-unknown": _("How the link was then is not known."),
    "rights-proven": _("Calls are read from it, so that its rights suffice."),
    "sign-in-refused": _("Mend username, secret and permit lines, then test the connection on this page."),
    "no-rights-needed": _("An exchange that hands over records has no sign-in."),
    "rights-unproven": _("Not proven for that time: test the connection on this page."),
    "heard": _("It was heard then."),
    "never-heard": _("Nothing has ever come from it: check what it sends, and where to."),
    "silent-since": _("Nothing has come since %(since)s."),
    "unread": _("%(count)s pieces of about that time could not be read: look at them below, they may be the call."),
    "backlog": _("%(size)s bytes wait to be read: the call may be among them."),
    "all-read": _("Everything of about that time could be read."),
    "line-read": _("This line would be read as %(name)s."),
    "line-not-needed": _("This line says nothing that calls are made of; it would be passed over."),
    "line-unreadable": _("This line can't be read: %(reason)s."),
    "folded": _("It is in the call log."),
    "no-call": _("There is no call from this number that you may see. Check the number and the time."),
    "dry": _("Nothing happened: this is what would."),
    "number-read": _("Read as %(number)s."),
    "erased": _("Who it was with was erased."),
    "withheld": _("The caller showed no number, so that nobody can be matched."),
    "no-number": _("“%(number)s” can't be read as a telephone number: check region, area code and outside prefix."),
    "internal": _("A call between extensions."),
    "exact": _("One customer has this number."),
    "several": _("%(count)s customers have this number; each is told to their own rep."),
    "probable": _("Only the last digits are a customer's: shown as perhaps, never attached by itself."),
    "nobody-withheld": _("Without a number nobody can be matched; shown to who sees unregistered callers."),
    "nobody": _("Nobody whom you may see has this number; shown to who sees unregistered callers."),
    "dismissed": _("The number is marked as no customer's."),
    "held": _("Extension %(extensions)s has its user."),
    "nobodys": _("Nobody has extension %(extensions)s: enter whose telephone it is."),
    "seated": _("Extension %(extensions)s is taken by %(name)s since %(since)s."),
    "shared": _("Extension %(extensions)s is a shared telephone, which is nobody's: nobody is told by it alone."),
    "nothing-rang": _("No extension rang."),
    "may-see": _("Those whom it concerns may see it."),
    "some-may-not": _("Not to be told: %(names)s."),
    "nobody-concerned": _("It concerned nobody: no telephone of a user rang, and there is no rep in charge."),
    "refused-class": _("The customer's class is beyond the limit of: %(names)s."),
    "refused-unregistered": _("The role does not see unregistered callers: %(names)s."),
    "refused-span": _("It lies outside the span of: %(names)s."),
    "refused-inactive": _("The account is switched off: %(names)s."),
    "open": _("A screen was open."),
    "some-away": _("No screen was open at: %(names)s."),
    "no-screen": _("No screen was open at: %(names)s. They have to be signed in with a page open."),
    "not-known-yet": _("Not known yet: ask again in a few seconds."),
    "not-kept": _("Not kept: it is older than a week, or was over before the screens could be told."),
    "too-many": _("So many were told that not everybody is kept."),
    "cut-off": _("The screen was cut off, as it did not take what was sent: %(names)s. Look at the network there."),
    "some-cut-off": _("Some screens were cut off: %(names)s."),
    "late": _("Only with what was going on, when a screen was opened: too late for a pop-up while it rang."),
    "written": _("Written to the screens of %(count)s."),
    "over-when-told": _("This exchange tells of a call only when it is over: there can be no pop-up."),
    "not-reached": _("—"),
}
"""The codes of ``tracing.Step``, in the reader's language."""


def found(step: Step, moment: Any, in_words: Any) -> str:
    """What was found at a step. ``moment`` formats times, ``in_words`` an exchange's reasons."""
    values = dict(step.values)
    for name in ("since", "until"):
        if isinstance(values.get(name), float):
            values[name] = moment(values[name])
    if "reason" in values and step.key == "link":
        values["reason"] = in_words(values["reason"], values.get("reason_values", {})) or "…"
    return str(FOUND[step.code]) % defaultdict(lambda: "…", values)
