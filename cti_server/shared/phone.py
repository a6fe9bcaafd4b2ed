"""Telephone numbers: as received -> E.164, the key of every look-up (spec C3), and back for people.

Numbers are compared as E.164, not by validity: numbering plans change faster than programs, and sample numbers
(03-0000-0000) are valid nowhere. A number counts when its length is right for its country.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult

CACHED: Final = 65_536
"""Numbers remembered per numbering plan: a hit costs a hundredth of reading the number again."""
TAIL_DIGITS: Final = 8

_WITHHELD: Final = frozenset(
    {"", "anonymous", "private", "restricted", "withheld", "blocked", "unknown", "unavailable", "<unknown>", "none"}
    # Japanese exchanges: P private, O out of area, C coin telephone, S service conflict (Number Display service)
    | {"p", "o", "c", "s", "非通知", "非通知設定", "通知不可", "通知不可能", "表示圏外", "公衆電話", "番号非通知"}
)
_DASHES: Final = re.compile(r"[\s\-‐‑‒–—―−ーｰ─.・/()\[\]]+")
_EXTENSION_TAIL: Final = re.compile(
    r"(?:;.*|[\s,(]*(?:ext(?:ension)?|extn|内線|x|#|p|w)[.:：\s]*\d{1,8}\)?\s*|[,;pw].*)$", re.IGNORECASE
)
_TRUNK_ZERO: Final = re.compile(r"(?<=\d)\s*\(\s*0\s*\)")
_DIGITS: Final = re.compile(r"\+?\d+", re.ASCII)
# What a caller dials before a number to show or withhold their own: Japan 184/186, North America *67/*82, UK 141/1470.
_SHOWING_PREFIX: Final = {
    "JP": re.compile(r"18[46](?=0|\+)"),
    "US": re.compile(r"\*(?:67|82)"),
    "CA": re.compile(r"\*(?:67|82)"),
    "GB": re.compile(r"14(?:1|70)(?=0|\+)"),
}
# Japanese carrier selection codes (0033, 0061, 0077, 0088 ...) before a whole national number.
_CARRIER: Final = re.compile(r"00[3-9]\d(?=0\d{9,10}$)")
# libphonenumber takes 8 to 17 digits for Japan (its 00xx services); subscribers have nine, or ten after a digit and 0.
_JAPANESE: Final = re.compile(r"[1-9]\d{8}|[2-9]0\d{8}")
# Written as Japan writes its own numbers, or in full: nothing else can be meant (010 is the international prefix).
_PLAIN_JAPANESE: Final = re.compile(r"(?!010)0([1-9]\d{8}|[2-9]0\d{8})|\+810?([1-9]\d{8}|[2-9]0\d{8})")
_JAPANESE_OTHER: Final = re.compile(r"\+81(?:120|570|800|990|180|[256]0)")


@dataclass(frozen=True, slots=True)
class Plan:
    """How an exchange writes numbers: its country (ISO), its area code with or without the leading zero, the digits
    that get an outside line, and what an extension looks like (regular expression, whole number)."""

    region: str = "JP"
    area_code: str = ""
    outside_prefix: str = ""
    extensions: str = r"\d{2,5}"


@lru_cache(maxsize=CACHED)
def withheld(raw: str | None) -> bool:
    """Whether the caller did not show a number (``anonymous``, ``P``, ``非通知``, empty ...)."""
    if raw is None:
        return True
    text = unicodedata.normalize("NFKC", raw).strip().strip('"').casefold()
    if text.startswith(("sip:", "sips:", "tel:")) or "@" in text:
        text = text.partition(":")[2] or text
        text = text.partition("@")[0]
    return text in _WITHHELD


def e164(raw: str | None, plan: Plan) -> str | None:
    """The number in E.164 (``+81312345678``), or null where it is withheld, an extension, a short or service number
    (110, 117, ``#7119``) or no number at all."""
    return reader(plan)(raw)


@lru_cache(maxsize=256)
def reader(plan: Plan) -> Callable[[str | None], str | None]:
    """:func:`e164` for one plan, remembering the numbers it read last."""
    extension = re.compile(plan.extensions)
    area = plan.area_code.lstrip("0")
    trunk = _trunk_prefix(plan.region)

    @lru_cache(maxsize=CACHED)
    def read(raw: str | None) -> str | None:
        if raw is None or withheld(raw):
            return None
        digits = _digits(raw, plan.region)
        if digits is None or extension.fullmatch(digits):
            return None
        plain = _PLAIN_JAPANESE.fullmatch(digits) if plan.region == "JP" else None
        if plain and not _after_prefix(digits, plan, trunk):
            return f"+81{plain[1] or plain[2]}"
        return _best(_readings(digits, plan, area))

    return read


@lru_cache(maxsize=CACHED)
def tail(number: str) -> str:
    """The last eight digits, the last one first: equal for numbers that are probably the same, and the last four or
    more digits of a number are a prefix of it, which an index finds."""
    return "".join(filter(str.isdigit, number))[: -TAIL_DIGITS - 1 : -1]


@lru_cache(maxsize=CACHED)
def show(number: str | None, region: str = "JP", masked: bool = False) -> str:
    """A number for people of a country: national form for its own numbers, else international. ``masked`` keeps the
    first group and the last four digits (``03-••••-0142``). Takes E.164; anything else is shown as it is."""
    if not number:
        return ""
    text = _pretty(number, region)
    return _mask(text) if masked else text


def kind(number: str) -> str:
    """``landline``, ``mobile`` or ``other`` of an E.164 number."""
    if number.startswith("+81") and _JAPANESE.fullmatch(number[3:]):
        if _JAPANESE_OTHER.match(number):
            return "other"
        return "landline" if len(number) == 12 else "mobile"
    try:
        found = phonenumbers.number_type(phonenumbers.parse(number))
    except NumberParseException:
        return "other"
    types = phonenumbers.PhoneNumberType
    if found == types.MOBILE:
        return "mobile"
    return "landline" if found in (types.FIXED_LINE, types.FIXED_LINE_OR_MOBILE) else "other"


def _digits(raw: str, region: str) -> str | None:
    """Digits with an optional plus; null where there is anything else in it (letters, feature codes)."""
    text = unicodedata.normalize("NFKC", raw).strip().strip('"')
    bracketed = re.search(r"<([^<>]*)>\s*$", text)
    if bracketed:
        text = bracketed[1]
    scheme, colon, rest = text.partition(":")
    context = ""
    if colon and scheme.casefold() in ("sip", "sips", "tel", "callto"):
        text = unquote(rest)
        if scheme.casefold() == "tel":
            found = re.search(r";phone-context=(\+[\d\-.()]+)", text, re.IGNORECASE)  # RFC 3966, 5.1.5
            context = _DASHES.sub("", found[1]) if found else ""
    text = _EXTENSION_TAIL.sub("", text.partition("@")[0])
    if text.lstrip().startswith("+"):
        text = _TRUNK_ZERO.sub("", text)
    text = _DASHES.sub("", text)
    if context and not text.startswith("+"):
        text = context + text
    showing = _SHOWING_PREFIX.get(region)
    if showing and (found := showing.match(text)):
        text = text[found.end() :]
    if text.startswith("+0"):  # an exchange that puts a plus before everything
        text = text[1:]
    return text if _DIGITS.fullmatch(text) else None


def _readings(digits: str, plan: Plan, area: str) -> Iterator[PhoneNumber]:
    """What the digits may mean, the likeliest first."""
    prefix = plan.outside_prefix
    trunk = _trunk_prefix(plan.region)
    outside = _after_prefix(digits, plan, trunk)
    if outside:
        yield from _parsed(outside, plan.region)
    yield from _parsed(digits, plan.region)
    if digits.startswith("+"):
        return
    carrier = _CARRIER.match(digits) if plan.region == "JP" else None
    if carrier:
        yield from _parsed(digits[carrier.end() :], plan.region)
    for abroad in ("00", "010", "011"):  # as dialled in most countries, Japan, North America
        if digits.startswith(abroad):
            yield from _parsed("+" + digits[len(abroad) :], plan.region)
    if area and not digits.startswith("0"):
        yield from _parsed((trunk or "") + area + digits, plan.region)
    country = str(phonenumbers.country_code_for_region(plan.region))
    if digits.startswith(country):
        yield from _parsed("+" + digits, plan.region)
    if prefix and digits.startswith(prefix):
        rest = digits[len(prefix) :]
        yield from _parsed(rest, plan.region)
        if area and not rest.startswith("0"):
            yield from _parsed((trunk or "") + area + rest, plan.region)


def _after_prefix(digits: str, plan: Plan, trunk: str) -> str | None:
    """The number after the digits for an outside line, where it then begins as a number does; else null."""
    prefix = plan.outside_prefix
    if not prefix or not digits.startswith(prefix):
        return None
    rest = digits[len(prefix) :]
    return rest if rest.startswith(("+", trunk or "0")) else None


@lru_cache(maxsize=256)
def _trunk_prefix(region: str) -> str:
    """What stands before a national number when it is dialled (``0`` in Japan); empty where nothing does."""
    return phonenumbers.ndd_prefix_for_region(region, True) or ""


def _parsed(text: str, region: str) -> Iterator[PhoneNumber]:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return
    if _plausible(number):
        yield number


def _plausible(number: PhoneNumber) -> bool:
    """Whether the length is that of a subscriber's number in its country."""
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return False
    if number.country_code != 81:
        return True
    return bool(_JAPANESE.fullmatch(phonenumbers.national_significant_number(number)))


def _best(readings: Iterator[PhoneNumber]) -> str | None:
    """The first reading that some numbering plan really has, else the first of a right length."""
    first: PhoneNumber | None = None
    for number in readings:
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, PhoneNumberFormat.E164)
        first = first or number
    return phonenumbers.format_number(first, PhoneNumberFormat.E164) if first else None


def _pretty(number: str, region: str) -> str:
    if not number.startswith("+"):
        return number
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException:
        return number
    own = parsed.country_code == phonenumbers.country_code_for_region(region)
    return phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL if own else PhoneNumberFormat.INTERNATIONAL)


def _mask(text: str) -> str:
    """Dots for every digit but those of the first group (two where it is international) and the last four. A short
    number keeps only its last two digits."""
    count = sum(map(str.isdigit, text))
    keep_last = 4 if count >= 8 else min(2, count // 2)
    groups = re.match(r"\+\d+ \d+|\D*\d+", text) if count >= 8 else None
    head = groups.end() if groups else 0
    if count - sum(map(str.isdigit, text[:head])) < keep_last + 2:
        head = min(head, 3 if text.startswith("+") else 2)
    shown, seen = [], 0
    for place, sign in enumerate(text):
        seen += sign.isdigit()
        hide = sign.isdigit() and place >= head and seen <= count - keep_last
        shown.append("•" if hide else sign)
    return "".join(shown)
