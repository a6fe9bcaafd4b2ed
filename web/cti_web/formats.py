"""How pages write times, lengths and names: in the reader's language, and in the viewer's time zone.

Times come as epoch seconds, UTC (views). Every function is pure; :func:`register` binds them to the current viewer as
Jinja filters.
"""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import Flask, current_app
from flask_babel import get_locale

from cti_web.viewer import viewer

WEEKDAYS_JA = "月火水木金土日"
WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day_span(first: date, last: date, language: str) -> str:
    """One day, or the first and the last of several."""
    if first == last:
        return day(first, language)
    return f"{day(first, language)} – {day(last, language)}"


def local(at: float, zone: str) -> datetime:
    """The moment as a clock in ``zone`` shows it."""
    return datetime.fromtimestamp(at, ZoneInfo(zone))


def clock_time(at: float, zone: str) -> str:
    """``10:42``."""
    return f"{local(at, zone):%H:%M}"


def exact_time(at: float, zone: str) -> str:
    """``10:42:05.250``."""
    return f"{local(at, zone):%H:%M:%S.%f}"[:-3]


def day(on: date, language: str, *, year: bool = False) -> str:
    """``Mon 23 Nov`` or ``11/23（月）``, with the year where it is asked for."""
    if language == "ja":
        return f"{f'{on.year}/' if year else ''}{on.month}/{on.day}（{WEEKDAYS_JA[on.weekday()]}）"
    return f"{WEEKDAYS_EN[on.weekday()]} {on.day} {MONTHS_EN[on.month - 1]}{f' {on.year}' if year else ''}"


def short_day(on: date, language: str, *, year: bool = False) -> str:
    """``23 Nov`` or ``11/23``, with the year where it is asked for."""
    if language == "ja":
        return f"{f'{on.year}/' if year else ''}{on.month}/{on.day}"
    return f"{on.day} {MONTHS_EN[on.month - 1]}{f' {on.year}' if year else ''}"


def moment(at: float, now: float, zone: str, language: str) -> str:
    """As short as it stays clear: ``10:42`` today, ``22 Nov 10:42`` before, with the year in other years."""
    then, today = local(at, zone), local(now, zone).date()
    if then.date() == today:
        return f"{then:%H:%M}"
    return f"{short_day(then.date(), language, year=then.year != today.year)} {then:%H:%M}"


def second(at: float, now: float, zone: str, language: str) -> str:
    """``23 Nov 10:42:05``: to the second, as a trail wants it; with the year in other years."""
    then = local(at, zone)
    return f"{short_day(then.date(), language, year=then.year != local(now, zone).year)} {then:%H:%M:%S}"


def full(at: float, zone: str, language: str) -> str:
    """``Mon 23 Nov 2026 10:42:05 JST``."""
    then = local(at, zone)
    return f"{day(then.date(), language, year=True)} {then:%H:%M:%S %Z}"


def length(seconds: float | None) -> str:
    """``0:07``, ``12:40``, ``1:02:03``; a dash where it is not known."""
    if seconds is None:
        return "–"
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def zone_label(zone: str, now: float) -> str:
    """``JST (UTC+9)``: the zone that the page's times are in."""
    then = local(now, zone)
    offset = then.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    hours = f"UTC{'+' if minutes >= 0 else '−'}{abs(minutes) // 60}{f':{abs(minutes) % 60:02}' if minutes % 60 else ''}"
    name = then.tzname() or ""
    return f"{name} ({hours})" if name.isalpha() else hours


def polite(name: str, language: str) -> str:
    """The customer's name as the reader's language addresses it: 渡辺 和子 様."""
    return f"{name} 様" if language == "ja" and name else name


def initials(name: str) -> str:
    """One or two characters that stand for a name in its badge; companies by their first character that tells."""
    bare = name
    for kind in ("株式会社", "有限会社", "合同会社", "（株）", "(株)"):
        bare = bare.replace(kind, "")
    words = (bare or name).split()
    if not words:
        return "?"
    if unicodedata.name(words[0][0], "").startswith("LATIN"):
        return "".join(word[0] for word in (words[0], *words[1:][-1:])).upper()
    return words[0][0]


def now() -> float:
    """The application's clock, epoch seconds, UTC."""
    return float(current_app.extensions["yobirin.clock"].now())


def language() -> str:
    """The language of the page, ``ja`` or ``en``."""
    return str(get_locale() or "ja")[:2]


def zone() -> str:
    """The time zone of the page."""
    return viewer.timezone if viewer else "Asia/Tokyo"


def register(app: Flask) -> None:
    """Makes the formats Jinja filters for the current viewer."""
    app.jinja_env.filters.update(
        time=lambda at: clock_time(at, zone()),
        clock=lambda at: exact_time(at, zone()),
        moment=lambda at: moment(at, now(), zone(), language()),
        second=lambda at: second(at, now(), zone(), language()),
        full=lambda at: full(at, zone(), language()),
        day=lambda at: day(local(at, zone()).date(), language()),
        datespan=lambda first, last: day_span(first, last, language()),
        duration=length,
        polite=lambda name: polite(name, language()),
        initials=initials,
        iso=lambda at: f"{datetime.fromtimestamp(at, ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%SZ}",
        isodate=lambda at: f"{local(at, zone()):%Y-%m-%d}",
    )
    app.jinja_env.globals.update(now=now, zone_label=lambda: zone_label(zone(), now()))
