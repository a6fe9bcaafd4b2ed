"""The words of customers' use of services: what prompts an action, as sentences made of facts."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from flask_babel import gettext, lazy_gettext

from cti_server.phases.money import Money
from cti_server.phases.usage import Prompt, Source, UsageRule
from cti_web import formats

_ = lazy_gettext

MEASURES: Final = {
    "value": _("its value"),
    "change": _("its change"),
    "rate": _("its change in per cent"),
}
SIDES: Final = {"below": _("less than"), "above": _("more than")}
ADVICES: Final = {"explain": _("Explain how to use"), "plan": _("Propose the higher plan")}
REFUSALS: Final = {
    "customer": _("no customer of this code"),
    "index": _("an index that is not named here"),
    "value": _("no number as its value"),
    "at": _("no moment with its time zone"),
    "future": _("in the future"),
    "old": _("too old"),
    "shape": _("not a reading at all"),
}


def number(value: Decimal) -> str:
    """``12``, ``0.5``, ``1,200``: as short as it is exact."""
    return f"{value.normalize():,f}"


def prompted(one: Prompt) -> str:
    """What a customer's use is, and what to do about it."""
    return f"{_fact(one)} {_advice(one)}"


def rule(one: UsageRule, source: Source) -> str:
    """What a rule says."""
    index, limit = source.label(one.index), number(one.threshold)
    side = SIDES[one.side]
    if one.measure == "value":
        return str(gettext("%(index)s: %(side)s %(limit)s", index=index, side=side, limit=limit))
    unit = " %" if one.measure == "rate" else ""
    return str(
        gettext(
            "%(index)s: change within %(days)d days %(side)s %(limit)s",
            index=index,
            days=one.days,
            side=side,
            limit=limit + unit,
        )
    )


def _fact(one: Prompt) -> str:
    day = formats.moment(one.now.at, formats.now(), formats.zone(), formats.language())
    values = {"index": one.label, "now": number(one.now.value), "limit": number(one.rule.threshold), "when": day}
    if one.before is None:
        if one.rule.side == "below":
            return str(gettext("%(index)s: %(now)s on %(when)s, less than %(limit)s.", **values))
        return str(gettext("%(index)s: %(now)s on %(when)s, more than %(limit)s.", **values))
    unit = " %" if one.rule.measure == "rate" else ""
    sign = "+" if one.measured > 0 else ""
    change = sign + number(round(one.measured, 1)) + unit
    values |= {"before": number(one.before.value), "change": change}
    return str(gettext("%(index)s: from %(before)s to %(now)s (%(change)s) up to %(when)s.", **values))


def _advice(one: Prompt) -> str:
    if one.plan is None:
        return str(gettext("Explain how to use “%(topic)s”.", topic=one.rule.topic))
    return str(
        gettext("Propose the plan “%(plan)s” (%(price)s a month).", plan=one.plan.name, price=_money(one.plan.price))
    )


def _money(price: Money) -> str:
    from cti_web.phase_words import money_text

    return money_text(price)
