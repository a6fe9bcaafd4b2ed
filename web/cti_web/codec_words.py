"""What the codec of records says, in the reader's language: why a record can't be read, what is wrong with a profile.

The codec says it in English, and so it is kept: each sentence is found again here by its form, with the values that it
names. A form that is not known stays English. ``tests/web/test_codec_words.py`` holds this against the codec's source.
"""

from __future__ import annotations

from typing import Final

from flask import Flask
from flask_babel import gettext, lazy_gettext

from cti_web.known_forms import Forms

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


def _value(key: str, value: str) -> str:
    if key == "place":
        return _PLACES.said(value)
    if key == "forms":
        return str(gettext(" or ")).join(value.split(" or "))
    return FORMS.said(value) if key == "reason" else value


_PLACES: Final = Forms(PLACES)
FORMS: Final = Forms(SENTENCES, ENDINGS, BEGINNINGS, _value)


def register(app: Flask) -> None:
    """Makes the words known to the templates."""
    app.jinja_env.filters["codec_said"] = FORMS.said
