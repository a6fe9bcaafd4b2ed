"""The words of the phases pages: money, actions, states, and the sentences that facts are put into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Flask
from flask_babel import gettext, lazy_gettext, lazy_pgettext, ngettext

from cti_server.phases.choosing import Rule
from cti_server.phases.model import Deal, Service
from cti_server.phases.money import Money
from cti_server.phases.proposals import Proposal
from cti_server.phases.suggesting import NAMED, Suggestion
from cti_server.phases.views import DealView
from cti_web import formats, usage_words
from cti_web.labels import Label

_ = lazy_gettext

FEW: Final = 5
"""Fewer deals than this would tell of single customers."""

ACTIONS: Final[dict[str, Label]] = {
    "call": Label(lazy_pgettext("telephone", "Call"), "blue", "phone-outgoing"),
    "visit": Label(_("Visit"), "violet", "door-exit"),
    "meeting": Label(_("Online meeting"), "violet", "presentation"),
    "mail": Label(_("Send a mail"), "", "mail"),
    "mail in": Label(_("Mail from the customer"), "", "inbox"),
}
DEAL_STATES: Final[dict[str, Label]] = {
    "open": Label(lazy_pgettext("deal", "Open"), "blue", "player-play"),
    "won": Label(_("Won"), "green", "circle-check"),
    "lost": Label(_("Lost"), "red", "x"),
    "cancelled": Label(_("Cancelled"), "amber", "door-exit"),
}
SIZES: Final = {"small": _("Small deal"), "large": _("Large deal")}
ITEM_KINDS: Final = {
    "text": lazy_pgettext("kind of input", "Text"),
    "number": lazy_pgettext("kind of input", "Number"),
    "date": _("Day"),
    "choice": _("List"),
}
RULES: Final[dict[str, Label]] = {
    Rule.BALANCED: Label(_("Expected worth with this customer, few deals shrunk to the mean, with trials")),
    Rule.SUM: Label(_("Sum of the CLTV of their customers in the phase")),
    Rule.RATE: Label(_("That sum times their hand-on rate")),
    Rule.EARLIER: Label(_("Sum over customers whom the same member handled before")),
    Rule.SOURCE: Label(_("Sum over customers with the same first contact")),
}
OBSTACLES: Final = {
    "full": _("holds as many customers as they can"),
    "absent": _("is away"),
    "hours": _("does not work soon enough"),
    "scope": _("may not see this customer, or another deal of it is somebody else's"),
    "phase": _("does not work this phase"),
}
VERDICTS: Final = {
    "few": _("too few customers to say anything"),
    "open": _("no difference is shown"),
    "more": _("more than it was"),
    "less": _("less than it was"),
}
PROPOSAL_STATES: Final[dict[str, Label]] = {
    "open": Label(_("Awaits approval"), "amber", "clock"),
    "approved": Label(_("Approved"), "green", "circle-check"),
    "rejected": Label(lazy_pgettext("proposal", "Rejected"), "red", "x"),
    "undone": Label(lazy_pgettext("proposal", "Undone"), "", "refresh"),
    "void": Label(_("Overtaken"), "", "minus"),
}
TRIAL_STATES: Final[dict[str, Label]] = {
    "running": Label(lazy_pgettext("trial", "Running"), "blue", "player-play"),
    "required": Label(_("Stays required"), "green", "lock"),
    "optional": Label(_("Became optional"), "green", "circle-check"),
    "undone": Label(lazy_pgettext("trial", "Undone"), "", "refresh"),
}
TRIAL_VERDICTS: Final = {
    "few": _("can't be told yet"),
    "open": _("no difference is shown"),
    "more": _("more where it is optional"),
    "less": _("less where it is optional"),
}
PROPOSAL_YES: Final = {"require": _("Filled in"), "action": _("Completed this way")}
PROPOSAL_NO: Final = {"require": _("Left empty"), "action": _("Completed otherwise")}
WHYS: Final = {
    "contract signed": _("Contract signed"),
    "contract imported": _("Contract imported"),
    "terms changed": _("The service predicts otherwise"),
    "contract changed": _("Contract changed"),
    "opened again": _("Opened again"),
}


def money_text(amount: Money | None) -> str:
    """``2,400,000円`` or ``¥2,400,000``; other currencies by their code. A dash where there is none."""
    if amount is None:
        return "–"
    if amount.currency == "JPY":
        return f"{amount.minor:,}円" if formats.language() == "ja" else f"¥{amount.minor:,}"
    return f"{amount.amount:,} {amount.currency}"


def minor_text(minor: int, service: Service) -> str:
    """An amount in the smallest unit of a service's currency."""
    return money_text(Money(minor, service.terms.currency))


def reason(told: Suggestion) -> str:
    """Why an action is suggested, as a sentence; what it names can be opened beside it."""
    if told.reason == "call missed":
        return str(gettext("The customer called and nobody answered."))
    if told.prompt is not None:
        return usage_words.prompted(told.prompt)
    if told.reason == "complete":
        return str(gettext("Everything that is required here is filled in: agree on what comes next, and hand on."))
    if told.reason == "nothing asked":
        return str(gettext("This phase asks for nothing in particular: talk to the customer, then hand on."))
    named = gettext(", ").join(item.label for item in told.missing[:NAMED])
    more = len(told.missing) - NAMED
    if more > 0:
        found = ngettext(
            "To find out: %(items)s and %(num)d more item.",
            "To find out: %(items)s and %(num)d more items.",
            more,
            items=named,
        )
        return str(found)
    return str(gettext("To find out: %(items)s.", items=named))


def facts(one: Mapping[str, Any], view: DealView, names: Mapping[str, str]) -> list[str]:
    """Why a candidate stands where they stand: sentences made of what was known."""
    service = view.service
    told = [_counted(one, view, names)]
    if not view.plain and one["settled"] < FEW:
        told = [gettext("Few deals so far.")]
    elif "worth" in one:
        told.insert(
            0,
            gettext(
                "Expected with them: about %(worth)s (%(share)s%% handed on, about %(each)s each).",
                worth=minor_text(one["worth"], service),
                share=round(one["share"] / 10_000),
                each=minor_text(one["each"], service),
            ),
        )
    told.append(gettext("Holds %(held)d of %(capacity)d customers.", held=one["held"], capacity=one["capacity"]))
    return told


def _counted(one: Mapping[str, Any], view: DealView, names: Mapping[str, str]) -> str:
    if not one["decided"] and not one["settled"]:
        return str(gettext("No such deals so far."))
    total = minor_text(one["total"], view.service)
    rate = gettext("handed on %(on)d of %(decided)d", on=one["handed_on"], decided=one["decided"])
    if one["among"] == "source":
        about = gettext("Customers that came by “%(source)s”", source=one["name"])
    elif one["among"] == "earlier":
        about = gettext("Customers that %(name)s had before", name=names.get(one["name"], one["name"]))
    else:
        about = gettext("Their customers in this phase")
    return str(gettext("%(about)s: %(total)s together, %(rate)s.", about=about, total=total, rate=rate))


def proposal_title(one: Proposal) -> str:
    """What a proposal would change."""
    if one.kind == "action":
        return str(gettext("Offer first: %(action)s", action=ACTIONS[one.action].text))
    if one.kind == "trial":
        return str(gettext("Try whether “%(item)s” is needed", item=one.title))
    return str(gettext("Make “%(item)s” required", item=one.title))


def share_text(share: float, deals: int) -> str:
    """``62 % (of 21)``; a dash where there are none."""
    return str(gettext("%(share)d %% (of %(deals)d)", share=round(100 * share), deals=deals)) if deals else "–"


def due_reason(deal: Deal) -> str:
    """When a deal is suggested again, and why then. Means of past deals are not told: they are over everybody's."""
    when = formats.moment(deal.due_at, formats.now(), formats.zone(), formats.language())
    if deal.again is None:
        return str(gettext("Next suggestion on %(when)s.", when=when))
    if not deal.again.changed:
        return str(gettext("Next suggestion on %(when)s: as long after something was done as usual.", when=when))
    target = deal.again.target or 0
    if deal.again.changed < 0:
        return str(
            ngettext(
                "Next suggestion on %(when)s: sooner than usual, since deals get through this phase faster than its "
                "target of %(num)d day.",
                "Next suggestion on %(when)s: sooner than usual, since deals get through this phase faster than its "
                "target of %(num)d days.",
                target,
                when=when,
            )
        )
    return str(
        ngettext(
            "Next suggestion on %(when)s: later than usual, since deals take longer for this phase than its target of "
            "%(num)d day.",
            "Next suggestion on %(when)s: later than usual, since deals take longer for this phase than its target of "
            "%(num)d days.",
            target,
            when=when,
        )
    )


def register(app: Flask) -> None:
    """Makes the words known to the templates."""
    app.jinja_env.filters.update(money=money_text)
    app.jinja_env.globals.update(
        ACTIONS=ACTIONS,
        DEAL_STATES=DEAL_STATES,
        DEAL_SIZES=SIZES,
        ITEM_KINDS_OF_PHASES=ITEM_KINDS,
        CHOICE_RULES=RULES,
        OBSTACLES=OBSTACLES,
        VALUE_WHYS=WHYS,
        DRY_VERDICTS=VERDICTS,
        PROPOSAL_STATES=PROPOSAL_STATES,
        PROPOSAL_YES=PROPOSAL_YES,
        PROPOSAL_NO=PROPOSAL_NO,
        TRIAL_STATES=TRIAL_STATES,
        TRIAL_VERDICTS=TRIAL_VERDICTS,
        proposal_title=proposal_title,
        share_text=share_text,
        due_reason=due_reason,
        deal_reason=reason,
        deal_facts=facts,
        usage_prompt=usage_words.prompted,
        usage_rule=usage_words.rule,
        usage_number=usage_words.number,
        USAGE_REFUSALS=usage_words.REFUSALS,
        USAGE_MEASURES=usage_words.MEASURES,
        USAGE_SIDES=usage_words.SIDES,
        USAGE_ADVICES=usage_words.ADVICES,
        minor_text=minor_text,
    )
