"""A file of customers as CSV, read row by row: encodings, headers in English and Japanese, one sentence per refused
row. Knows nothing of the database."""

from __future__ import annotations

import codecs
import csv
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, TextIO

from cti_adapters.storage.directory import numbers_of
from cti_server.shared import phone
from cti_server.shared.errors import Invalid
from cti_server.shared.people import Customer

_HEADERS: Final = {
    "code": ("code", "customercode", "顧客コード", "顧客番号", "コード"),
    "name": ("name", "氏名", "顧客名", "名前", "お名前", "名称"),
    "kana": ("kana", "カナ", "フリガナ", "ふりがな", "氏名カナ", "カナ氏名", "顧客名カナ"),
    "address": ("address", "住所"),
    "numbers": (
        *("numbers", "number", "tel", "phone", "telephone", "mobile"),
        *("電話番号", "電話", "携帯", "携帯電話", "携帯番号", "携帯電話番号", "固定電話", "自宅電話"),
    ),
    "mail": ("mail", "email", "e-mail", "メール", "メールアドレス"),
    "branch": ("branch", "branchcode", "部店", "部店コード", "支店", "支店コード"),
    "rep": ("rep", "repincharge", "担当者", "担当", "担当者コード", "担当営業員", "担当営業員コード"),
    "class": ("class", "クラス", "機密区分", "機密クラス"),
    "language": ("language", "lang", "言語"),
    "notes": ("notes", "備考", "メモ"),
}
_FIELD_OF: Final = {header: name for name, headers in _HEADERS.items() for header in headers}
_NEEDED: Final = {"code": "顧客コード", "name": "氏名", "numbers": "電話番号", "branch": "部店", "class": "クラス"}
_ENCODINGS: Final = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp932": "Shift_JIS"}
_SEPARATORS: Final = re.compile(r"[;；、/\n]+")
# Control characters, and what cp932 makes of bytes that it has no character for.
_NO_TEXT: Final = re.compile("[\x00-\x08\x0e-\x1f\uf8f0-\uf8f3]")
LONGEST_FIELD: Final = 1 << 16
_BLOCK: Final = 1 << 20


def encoding_of(file: BinaryIO) -> str:
    """UTF-8 (with or without mark), UTF-16 with mark, or Shift_JIS as Windows writes it (cp932); reads the whole file
    and goes back to its beginning. Raises Invalid where it is none of them."""
    file.seek(0)
    start = file.read(3)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        found = ["utf-16"]
    elif start.startswith(codecs.BOM_UTF8):
        found = ["utf-8-sig"]
    else:
        found = ["utf-8", "cp932"]
    for encoding in found:
        if _readable(file, encoding):
            file.seek(0)
            return encoding
    raise Invalid(
        "The file is neither UTF-8 nor Shift_JIS text; save it as CSV in one of them, "
        "or name its encoding with --encoding",
        "file",
        "wrong-encoding",
    )


def encoding_name(encoding: str) -> str:
    """What people call it."""
    return _ENCODINGS.get(encoding, encoding)


def _readable(file: BinaryIO, encoding: str) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while block := file.read(_BLOCK):
            if _NO_TEXT.search(decoder.decode(block)):
                return False
        return not _NO_TEXT.search(decoder.decode(b"", final=True))
    except UnicodeDecodeError:
        return False


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that can't be taken: its line in the file, why, and what stands there."""

    line: int
    reason: str
    row: list[str]


@dataclass(slots=True)
class Read:
    """A row that can."""

    line: int
    customer: Customer
    row: list[str]


@dataclass(slots=True)
class CustomerFile:
    """The rows of a file. ``branches`` are the codes there are; ``plans`` says how each branch writes numbers."""

    stream: TextIO
    branches: set[str]
    plans: dict[str, phone.Plan] = field(default_factory=dict)
    header: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    """Columns that mean nothing to us."""
    _columns: dict[str, list[int]] = field(default_factory=dict)
    _rows: Any = None

    def __post_init__(self) -> None:
        csv.field_size_limit(LONGEST_FIELD)
        try:
            first = self.stream.readline().lstrip("\ufeff")
        except UnicodeDecodeError as bad:
            raise self._undecodable(bad) from bad
        self._rows = csv.reader(self._lines(first), delimiter="\t" if "\t" in first else ",")
        self.header = next(self._rows, [])
        for place, title in enumerate(self.header):
            name = _field(title)
            if name is None or (name != "numbers" and name in self._columns):
                self.ignored.append(title)
            else:
                self._columns.setdefault(name, []).append(place)
        missing = [f"{name} ({japanese})" for name, japanese in _NEEDED.items() if name not in self._columns]
        if missing:
            raise Invalid(
                f"The file has no column {', '.join(missing)}. Its first line has to name the columns; "
                f"it says: {', '.join(self.header) or 'nothing'}",
                "file",
                "missing-columns",
            )

    @property
    def given(self) -> frozenset[str]:
        """The fields that the file has a column for."""
        return frozenset(self._columns)

    def _undecodable(self, bad: UnicodeDecodeError) -> Invalid:
        line = self._rows.line_num if self._rows else 0
        return Invalid(
            f"After line {line} the file can't be read as {encoding_name(bad.encoding)}; name its encoding with "
            "--encoding",
            "file",
            "wrong-encoding",
        )

    def _lines(self, first: str) -> Iterator[str]:
        yield first
        yield from self.stream

    def rows(self) -> Iterator[Read | Refused]:
        """Every row. Blank ones are passed over."""
        while True:
            try:
                row = next(self._rows, None)
            except csv.Error as bad:
                yield Refused(self._rows.line_num, f"this is no CSV row ({bad})", [])
                continue
            except UnicodeDecodeError as bad:
                raise self._undecodable(bad) from bad
            if row is None:
                return
            if any(cell.strip() for cell in row):
                yield self._read(row)

    def _read(self, row: list[str]) -> Read | Refused:
        line = self._rows.line_num
        try:
            return Read(line, self._customer(row), row)
        except Invalid as bad:
            return Refused(line, str(bad), row)

    def _customer(self, row: list[str]) -> Customer:
        if len(row) < len(self.header):
            raise Invalid(f"it has {len(row)} columns, the first line has {len(self.header)}")
        code, name, branch = self._text(row, "code"), self._text(row, "name"), self._text(row, "branch")
        if not code or not code.isprintable():
            raise Invalid("the customer code is missing")
        if not name:
            raise Invalid("the name is missing")
        if branch not in self.branches:
            raise Invalid(f"there is no branch “{branch}”")
        confidentiality = unicodedata.normalize("NFKC", self._text(row, "class"))
        if confidentiality not in ("1", "2", "3"):
            raise Invalid(f"the class is “{confidentiality}”; it has to be 1, 2 or 3 (1 is the most confidential)")
        language = self._text(row, "language").lower() or "ja"
        if language not in ("ja", "en"):
            raise Invalid(f"the language is “{language}”; it has to be ja or en")
        shown = [
            part.strip()
            for place in self._columns["numbers"]
            for part in _SEPARATORS.split(row[place])
            if not phone.withheld(part)
        ]
        return Customer(
            code=code,
            name=name,
            branch=branch,
            rep=self._text(row, "rep") or None,
            confidentiality=int(confidentiality),
            kana=self._text(row, "kana"),
            address=self._text(row, "address"),
            mail=self._text(row, "mail"),
            language=language,
            notes=self._text(row, "notes"),
            numbers=numbers_of(shown, self.plans.get(branch, _DEFAULT)),
        )

    def _text(self, row: list[str], name: str) -> str:
        places = self._columns.get(name)
        return row[places[0]].strip() if places else ""


_DEFAULT: Final = phone.Plan()


def _field(title: str) -> str | None:
    """The field that a column's title means; tel1, 電話番号2 and the like are numbers."""
    key = "".join(unicodedata.normalize("NFKC", title).casefold().split()).replace("_", "")
    return _FIELD_OF.get(key) or _FIELD_OF.get(key.rstrip("0123456789"))
