"""Sentences that are said in English where they arise (a codec, a file's reader) and are found again here by their
form, with the values that they name, so that pages can say them in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from flask_babel import LazyString

from cti_web import formats

_HOLE: Final = re.compile(r"%\((\w+)\)s")


class Forms:
    """The forms of one source of sentences: each with its values as ``%(name)s``. Of several that fit the first holds.
    ``value`` says a value in the reader's language. A form that is not known stays English."""

    def __init__(
        self,
        sentences: Sequence[LazyString],
        endings: Sequence[LazyString] = (),
        beginnings: Sequence[LazyString] = (),
        value: Callable[[str, str], str] = lambda _key, value: value,
    ) -> None:
        self._sentences, self._endings, self._beginnings, self._value = sentences, endings, beginnings, value

    def said(self, text: str) -> str:
        """A sentence in the reader's language."""
        return text if formats.language() == "en" else self.known(text) or text

    def known(self, text: str) -> str:
        """The same; empty where its form is not known."""
        for beginning in self._beginnings:
            found = _form(_id(beginning), "(?P<rest_>.+)").fullmatch(text)
            if found:
                values = found.groupdict()
                return str(beginning) % values + (self.known(values["rest_"]) or values["rest_"])
        for ending in self._endings:
            found = re.fullmatch(f"(?P<rest_>.+?){_form(_id(ending)).pattern}", text, re.DOTALL)
            if found and (rest := self.known(found["rest_"])):
                return rest + str(ending) % found.groupdict()
        for sentence in self._sentences:
            found = _form(_id(sentence)).fullmatch(text)
            if found:
                return str(sentence) % {key: self._value(key, value) for key, value in found.groupdict().items()}
        return ""


@cache
def _form(message: str, tail: str = "") -> re.Pattern[str]:
    """What a sentence looks like, with its values as groups."""
    parts = _HOLE.split(message)
    texts = [re.escape(one.replace("%%", "%")) if at % 2 == 0 else f"(?P<{one}>.+?)" for at, one in enumerate(parts)]
    return re.compile("".join(texts) + tail, re.DOTALL)


def _id(message: Any) -> str:
    return str(message._args[0])
