"""The translations: which sentences the pages hold, and whether the Japanese catalogue has them.

    python -m tests.web.catalogue

brings ``ja/LC_MESSAGES/messages.po`` up to date with the sentences of code and templates (new ones are empty, those
that are gone leave), and compiles it.
"""

from __future__ import annotations

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[2] / "web" / "cti_web"
PO = ROOT / "translations" / "ja" / "LC_MESSAGES" / "messages.po"
MO = PO.with_suffix(".mo")

METHODS = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
KEYWORDS = DEFAULT_KEYWORDS | {"lazy_gettext": None, "lazy_pgettext": ((1, "c"), 2), "lazy_ngettext": (1, 2), "sentence": None}


def template() -> Catalog:
    """Every sentence of code and templates."""
    catalog = Catalog(project="Yobirin", charset="utf-8")
    for name, _line, message, _comments, context in extract_from_dir(str(ROOT), METHODS, keywords=KEYWORDS):
        catalog.add(message, None, [(name, 0)], context=context)
    return catalog


def japanese() -> Catalog:
    """The catalogue as it is kept."""
    with PO.open("rb") as file:
        return read_po(file, locale="ja")


def compiled(catalog: Catalog) -> bytes:
    """What belongs into the ``.mo``."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def untranslated(catalog: Catalog) -> list[str]:
    """The sentences that have no translation."""
    found = []
    for message in catalog:
        strings = message.string if isinstance(message.string, tuple | list) else [message.string]
        if message.id and not all(strings):
            found.append(message.id if isinstance(message.id, str) else message.id[0])
    return found


def update() -> None:
    """Brings both files up to date."""
    catalog = japanese() if PO.exists() else Catalog(locale="ja", project="Yobirin", charset="utf-8")
    catalog.update(template(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.fuzzy = False
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, catalog, width=120, no_location=True, omit_header=False, sort_output=True)
    MO.write_bytes(compiled(japanese()))
    missing = untranslated(catalog)
    print(f"{len(catalog)} sentences, {len(missing)} not translated")
    for one in missing:
        print("  ", one)


if __name__ == "__main__":
    update()
