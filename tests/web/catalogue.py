"""The translations: which sentences the pages hold, and whether the Japanese catalogue has them.

    python -m tests.web.catalogue

brings ``ja/LC_MESSAGES/messages.po`` up to date with the sentences of code and templates (new ones are empty, those
that are gone leave), and compiles it.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[2] / "web" / "cti_web"
PO = ROOT / "translations" / "ja" / "LC_MESSAGES" / "messages.po"
MO = PO.with_suffix(".mo")

HOUSE = ROOT.parents[1]
CORE = tuple(
    HOUSE / "cti_server" / room
    for room in ("calls", "compliance", "exchanges", "identity", "phases", "review", "shared")
)
BESIDE = tuple(
    HOUSE / "adapters" / "cti_adapters" / name for name in ("single_sign_on.py", "usage_pull.py", "usage_server.py")
)
"""Files elsewhere whose errors people read."""
ERRORS = ("Invalid", "Conflict", "Unavailable", "NotAllowed")

METHODS = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
KEYWORDS = DEFAULT_KEYWORDS | {
    "lazy_gettext": None,
    "lazy_pgettext": ((1, "c"), 2),
    "lazy_ngettext": (1, 2),
    "sentence": None,
}


def template() -> Catalog:
    """Every sentence of code and templates."""
    catalog = Catalog(project="Yobirin", charset="utf-8")
    for name, _line, message, _comments, context in extract_from_dir(str(ROOT), METHODS, keywords=KEYWORDS):
        catalog.add(message, None, [(name, 0)], context=context)
    for sentence in core_sentences():
        catalog.add(sentence)
    return catalog


def core_sentences() -> Iterator[str]:
    """The fixed sentences of the core's errors: the pages say them in the reader's language."""
    for paths in (BESIDE, *(sorted(folder.glob("*.py")) for folder in CORE)):
        for path in paths:
            tree = ast.parse(path.read_text("utf-8"))
            constants = {
                target.id: node.value.value
                for node in tree.body
                if isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Constant)
                for target in ([node.target] if isinstance(node, ast.AnnAssign) else node.targets)
                if isinstance(target, ast.Name)
            }
            for node in ast.walk(tree):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id in ERRORS
                    and node.args
                ):
                    first = node.args[0]
                    text = constants.get(first.id) if isinstance(first, ast.Name) else getattr(first, "value", None)
                    if isinstance(text, str):
                        yield text


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
