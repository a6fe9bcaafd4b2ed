"""Every sentence of the pages has a Japanese one, and the compiled catalogue is that of the source."""

from __future__ import annotations

import re

from tests.web import catalogue


def ids(catalog: object) -> set[tuple[str | None, object]]:
    return {(message.context, message.id) for message in catalog if message.id}  # type: ignore[attr-defined]


def test_the_catalogue_holds_exactly_the_sentences_of_code_and_templates() -> None:
    assert ids(catalogue.japanese()) == ids(catalogue.template()), "run: python -m tests.web.catalogue"


def test_every_sentence_is_translated() -> None:
    assert catalogue.untranslated(catalogue.japanese()) == []


def test_what_is_compiled_is_what_is_written() -> None:
    assert catalogue.MO.read_bytes() == catalogue.compiled(catalogue.japanese()), "run: python -m tests.web.catalogue"


def test_translations_fill_in_the_same_values() -> None:
    for message in catalogue.japanese():
        if not message.id:
            continue
        asked = set(re.findall(r"%\((\w+)\)", message.id if isinstance(message.id, str) else message.id[-1]))
        strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
        for text in strings:
            assert set(re.findall(r"%\((\w+)\)", text)) == asked, message.id


def test_an_untranslated_sentence_would_be_found() -> None:
    catalog = catalogue.japanese()
    catalog.add("A sentence that nobody has translated")
    assert catalogue.untranslated(catalog) == ["A sentence that nobody has translated"]
