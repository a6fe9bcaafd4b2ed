"""What the codec of records says, in the reader's language: why a record can't be read, what is wrong with a profile.

The codec says it in English, and so it is kept: each sentence is found again here by its form, with the values that it
names. A form that is not known stays English. ``tests/web/test_codec_words.py`` holds this against the codec's source.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from flask import Flask
from flask_babel import gettext, lazy_gettext

from cti_web import formats

_ = lazy_gettext

SENTENCES: Final = (
    _("the connection ended in the middle of a record"),
    _("%(size)s bytes without the end of a record: too long for any"),
    _("it looks like no record of %(title)s"),
    _("it is not %(fewest)s to %(most)s characters long"),
    _("it does not look like %(layout)s"),
    _("%(field)s (%(place)s) is not as it has to be"),
    _("its quotes make no sense"),
    _("it has %(number)s fields, %(fewest)s at least are needed"),
    _("it is no JSON"),
    _("no line with the names of its columns came before it"),
    _("these names of columns lack “%(name)s”"),
    _("only one layout can have a header"),
    _("only the columns of a csv layout can be named by a header"),
    _("%(field)s (%(place)s) is no whole number"),
    _("%(field)s (%(place)s) is no duration such as 0:01:30 or 1'30"),
    _("%(field)s (%(place)s) is no duration: a part is too large"),
    _("%(field)s (%(place)s) is no duration of the form hmmt"),
    _("%(field)s (%(place)s) is no time of the form %(forms)s"),
    _("%(field)s (%(place)s) is no time in seconds since 1970"),
    _("the test has %(expected)s records, but %(read)s were read"),
    _("it can't be read: %(reason)s"),
    _("%(field)s comes out as %(value)s, not as %(wanted)s"),
    _("%(table)s has to be a table"),
    _("there is no key “%(key)s” here"),
    _("a regular expression has to be in quotes"),
    _("%(pattern)s is no regular expression: %(problem)s"),
    _("%(pattern)s is refused: %(reason)s"),
    _("a repetition in it can take the same text in several ways, so that it might never come to an end"),
    _("too many repetitions in it can take the same text, so that it might take very long"),
    _("%(key)s has to be text in quotes"),
    _("%(key)s has to be a whole number"),
    _("%(key)s has to be true or false"),
    _("%(key)s has to be a list [...]"),
    _("%(key)s has to be a table"),
    _("%(key)s has to be a list of texts in quotes"),
    _("the table [%(name)s] is missing"),
    _("name is missing"),
    _("records are either blocks of lines or objects: blocks has to go"),
    _("there is no encoding “%(name)s”"),
    _("there is no layout “%(name)s”"),
    _("no layout has “%(name)s”"),
    _("what is written into %(name)s has to be in quotes"),
    _("there is no kind of layout “%(name)s”"),
    _("a layout of the kind pattern needs pattern = '…' with named groups"),
    _("length has to be [fewest, most] characters"),
    _("the layout has no fields"),
    _("%(field)s is made of “%(part)s”, which no line before it names"),
    _("%(field)s needs %(key)s = …: where it stands in the record"),
    _("columns of %(field)s have to be [first, last], the first column being 1"),
    _("%(field)s can't be read as “%(shape)s”"),
    _("%(field)s needs formats = ['%%Y-%%m-%%d %%H:%%M:%%S', …]"),
    _("%(field)s takes no formats: it is no time"),
    _("take of %(field)s needs a group (…): what is taken"),
    _("“%(shape)s” is no form of a time: %%Y %%y %%m %%d %%H %%I %%p %%M %%S stand for its parts"),
    _("%(second)s (columns %(from)s–%(to)s) overlaps %(first)s (columns %(from1)s–%(to1)s)"),
    _("the rule asks for “%(name)s”, which no layout has"),
    _("the rule sets nothing"),
    _("the condition on %(name)s has to be in quotes: a regular expression, '>0' or '=0'"),
    _("%(field)s comes from “%(name)s”, which no layout has"),
    _("%(field)s can't be %(value)s: it needs a field read as %(shapes)s"),
    _("%(field)s can't be %(value)s"),
)
ENDINGS: Final = (_("; did you mean “%(word)s”?"), _("; there are: %(words)s"))
BEGINNINGS: Final = (
    _("%(where)s, line %(line)s, record %(record)s: "),
    _("%(where)s, line %(line)s: "),
)
PLACES: Final = (_("field %(number)s"), _("columns %(first)s–%(last)s"))
_HOLE: Final = re.compile(r"%\((\w+)\)s")


@cache
def _form(message: str, tail: str = "") -> re.Pattern[str]:
    """What a sentence looks like, with its values as groups."""
    parts = _HOLE.split(message)
    texts = [re.escape(one.replace("%%", "%")) if at % 2 == 0 else f"(?P<{one}>.+?)" for at, one in enumerate(parts)]
    return re.compile("".join(texts) + tail, re.DOTALL)


def _id(message: Any) -> str:
    return str(message._args[0])


def said(text: str) -> str:
    """A sentence of the codec in the reader's language."""
    return text if formats.language() == "en" else _said(text) or text


def _said(text: str) -> str:
    """Empty where its form is not known."""
    for beginning in BEGINNINGS:
        found = _form(_id(beginning), "(?P<rest_>.+)").fullmatch(text)
        if found:
            values = found.groupdict()
            return str(beginning) % values + (_said(values["rest_"]) or values["rest_"])
    for ending in ENDINGS:
        found = re.fullmatch(f"(?P<rest_>.+?){_form(_id(ending)).pattern}", text, re.DOTALL)
        if found and (rest := _said(found["rest_"])):
            return rest + str(ending) % found.groupdict()
    for sentence in SENTENCES:
        found = _form(_id(sentence)).fullmatch(text)
        if found:
            return str(sentence) % {key: _value(key, value) for key, value in found.groupdict().items()}
    return ""


def _value(key: str, value: str) -> str:
    if key == "place":
        for place in PLACES:
            found = _form(_id(place)).fullmatch(value)
            if found:
                return str(place) % found.groupdict()
    if key == "forms":
        return str(gettext(" or ")).join(value.split(" or "))
    return _said(value) or value if key == "reason" else value


def register(app: Flask) -> None:
    """Makes the words known to the templates."""
    app.jinja_env.filters["codec_said"] = said
