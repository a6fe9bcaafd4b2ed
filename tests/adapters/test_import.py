from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cti_adapters.storage import customer_import
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.customer_file import Refused, encoding_of
from cti_adapters.storage.customer_import import Imported, import_customers
from cti_adapters.storage.mapping import Audit, Customer, Outbox, Sight
from cti_adapters.storage.work import Database
from cti_server.cli import main
from cti_server.shared.errors import Invalid
from cti_server.shared.phone import Plan
from cti_server.shared.positions import Position
from cti_server.shared.scope import EVERYTHING, Scope, Span
from tests.adapters.storage_rig import FixedClock, customer, inbound, make_database, put

HEADER = "code,name,kana,address,numbers,mail,branch,rep,class,language"
JAPANESE = "顧客コード,氏名,カナ,住所,電話番号,メール,部店,担当者,クラス"
ROWS = [
    "100101,山田花子,ヤマダハナコ,東京都千代田区,03-2222-0001;090-1234-5678,a@example.com,121,801,3,ja",
    "100102,John Smith,,London,+44 20 7946 0958,,122,803,1,en",
]


class Rig:
    def __init__(self, folder: Path) -> None:
        self.database: Database = make_database(folder)
        self.refused: list[tuple[int, str]] = []
        self.progress: list[int] = []

    def take(self, *lines: str, **more: Any) -> Imported:
        self.refused, self.progress = [], []

        def refuse(row: Refused, header: list[str]) -> None:
            self.refused.append((row.line, row.reason))

        return import_customers(
            self.database,
            io.StringIO("\r\n".join(lines) + "\r\n", newline=""),
            FixedClock(),
            plans={"121": Plan(area_code="03")},
            refuse=refuse,
            progress=lambda done: self.progress.append(done.rows),
            **more,
        )

    def all(self, row: Any = Customer) -> list[Any]:
        with self.database.open(EVERYTHING) as work:
            return list(work.session.scalars(select(row)))

    def customers(self) -> dict[str, Any]:
        return {row.code: row for row in self.all()}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_rows_become_customers_with_normalised_numbers(rig: Rig) -> None:
    done = rig.take(HEADER, *ROWS)
    assert (done.rows, done.added, done.refused, rig.refused) == (2, 2, 0, [])
    one, two = rig.customers()["100101"], rig.customers()["100102"]
    assert [number.e164 for number in one.numbers] == ["+81322220001", "+819012345678"]
    assert (one.name, one.branch, one.rep, one.confidentiality, one.kana_key) == (
        "山田花子",
        "121",
        "801",
        3,
        "ヤマダハナコ",
    )
    assert (two.language, two.name_key, two.kana_key) == ("en", "johnsmith", "johnsmith")
    assert [number.e164 for number in two.numbers] == ["+442079460958"]
    assert [row.act for row in rig.all(Audit)] == ["imported"]


@pytest.mark.parametrize(
    "header",
    [
        JAPANESE + ",言語",
        "Code,NAME,Kana,Address,Tel1,E-Mail,Branch_Code,Rep in charge,Class,Language",
        "ｃｏｄｅ, 名前 ,フリガナ,住所,携帯電話,メールアドレス,支店コード,担当,機密区分,lang",
    ],
)
def test_headers_in_both_languages(rig: Rig, header: str) -> None:
    assert rig.take(header, *ROWS).added == 2


def test_several_number_columns(rig: Rig) -> None:
    rig.take("code,name,branch,class,tel1,電話番号2,mobile", "1,A,121,3,2222-0001,,090-1234-5678")
    assert [number.e164 for number in rig.customers()["1"].numbers] == ["+81322220001", "+819012345678"]


def test_tabs_and_quoted_line_breaks(rig: Rig) -> None:
    rig.take("code\tname\tbranch\tclass\ttel\taddress", '1\tA\t121\t3\t\t"Tokyo\r\nJapan"', "2\tB\t121\t3\t\t")
    assert rig.customers()["1"].address == "Tokyo\r\nJapan" and "2" in rig.customers()


def test_missing_columns_are_named(rig: Rig) -> None:
    with pytest.raises(Invalid) as refused:
        rig.take("code,name,kana", "1,A,a")
    said = str(refused.value)
    assert "numbers (電話番号), branch (部店), class (クラス)" in said and "code, name, kana" in said
    with pytest.raises(Invalid, match="it says: nothing"):
        rig.take("")
    assert rig.all() == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,A,,,110,,121,801,3,ja", "“110” is no telephone number that can be called"),
        ("1,A,,,03-2222-0001;12-34,,121,801,3,ja", "“12-34” is no telephone number"),
        ("1,A,,,,,999,801,3,ja", "there is no branch “999”"),
        ("1,A,,,,,121,801,4,ja", "the class is “4”; it has to be 1, 2 or 3"),
        ("1,A,,,,,121,801,,ja", "the class is “”"),
        ("1,A,,,,,121,801,3,fr", "the language is “fr”"),
        (",A,,,,,121,801,3,ja", "the customer code is missing"),
        ("1,,,,,,121,801,3,ja", "the name is missing"),
        ("1,A,,", "it has 4 columns, the first line has 10"),
        ("100101,A,,,,,121,801,3,ja", "the customer code 100101 was in this file before"),
    ],
)
def test_a_row_that_cant_be_taken_is_refused_with_line_and_reason_and_the_rest_goes_on(
    rig: Rig, row: str, reason: str
) -> None:
    done = rig.take(HEADER, ROWS[0], row, ROWS[1])
    assert (done.rows, done.added, done.refused) == (3, 2, 1)
    ((line, said),) = rig.refused
    assert line == 3 and said.startswith(reason)
    assert sorted(rig.customers()) == ["100101", "100102"]


def test_full_width_classes_and_withheld_numbers_are_taken(rig: Rig) -> None:
    rig.take(HEADER, "1,A,,,非通知,,121,,２,", "2,B,,,,,121,801,3,")
    assert {code: (row.confidentiality, row.rep, row.language) for code, row in rig.customers().items()} == {
        "1": (2, None, "ja"),
        "2": (3, "801", "ja"),
    }


def test_a_code_twice_is_found_across_lots(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer_import, "LOT", 2)
    done = rig.take(HEADER, *(f"{n % 5},A,,,,,121,801,3,ja" for n in range(9)))
    assert (done.added, done.refused) == (5, 4)
    assert [line for line, _reason in rig.refused] == [7, 8, 9, 10]
    assert rig.progress == [2, 4, 6, 8, 9]


def test_importing_again_changes_nothing(rig: Rig) -> None:
    rig.take(HEADER, *ROWS)
    before = {code: (row.version, row.created_at) for code, row in rig.customers().items()}
    done = rig.take(HEADER, *ROWS)
    assert (done.added, done.changed, done.unchanged) == (0, 0, 2)
    assert {code: (row.version, row.created_at) for code, row in rig.customers().items()} == before


def test_changes_are_taken_and_columns_that_are_not_there_stay(rig: Rig) -> None:
    rig.take(HEADER, *ROWS)
    done = rig.take("code,name,numbers,branch,class", "100101,山田葉子,03-2222-0009,121,2")
    assert (done.changed, done.unchanged) == (1, 0)
    one = rig.customers()["100101"]
    assert (one.name, one.confidentiality, one.version) == ("山田葉子", 2, 2)
    assert (one.address, one.rep, one.mail, one.kana) == ("東京都千代田区", "801", "a@example.com", "ヤマダハナコ")
    assert [number.e164 for number in one.numbers] == ["+81322220009"]


def test_past_calls_find_their_customers_and_follow_them(rig: Rig) -> None:
    writer = CallWriter(rig.database.engine, FixedClock())
    writer.commit("hq", [inbound(1, "03-2222-0001")], [], [], Position(1, 0), Position(1, 0))
    assert rig.take(HEADER, *ROWS).matched_calls == 1
    assert [(row.customer_code, row.rep) for row in rig.all(Sight)] == [("100101", "801")]
    rig.take(HEADER, ROWS[0].replace("801", "802"))
    assert [(row.customer_code, row.rep) for row in rig.all(Sight)] == [("100101", "802")]
    assert {row.kind for row in rig.all(Outbox)} == {"work"}  # the screens are told


def test_reps_without_an_account_are_taken_and_said(rig: Rig) -> None:
    done = rig.take(HEADER, ROWS[0].replace("801", "999"))
    assert (done.added, done.unknown_reps) == (1, {"999"})


def test_rows_outside_the_users_scope_are_refused_without_a_word_more(rig: Rig) -> None:
    put(rig.database, customer("hidden", confidentiality=1))
    scope = Scope("700", "121", Span.BRANCH, frozenset({2, 3}))
    done = rig.take(
        HEADER,
        "hidden,A,,,,,121,801,3,ja",
        "new,A,,,,,121,801,1,ja",
        "other,A,,,,,122,803,3,ja",
        "good,A,,,,,121,801,3,ja",
        scope=scope,
    )
    assert done.added == 1
    assert [reason for _line, reason in rig.refused] == ["this customer would lie outside what you may change"] * 3
    assert rig.customers()["hidden"].confidentiality == 1


# --- the file


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("cp932", "cp932"), ("shift_jis", "cp932"), ("utf-16", "utf-16")],
)
def test_the_encoding_is_found_out(encoding: str, found: str) -> None:
    file = io.BytesIO(JAPANESE.encode(encoding) * 5000)
    file.read(7)
    assert encoding_of(file) == found
    assert file.read(1) == JAPANESE.encode(encoding)[:1]


def test_what_is_no_text_is_a_sentence() -> None:
    with pytest.raises(Invalid, match="neither UTF-8 nor Shift_JIS"):
        encoding_of(io.BytesIO(b"\xff\x00\xa0\xfd" * 99))


SETTINGS = """
[server]
data_dir = "{folder}"
[[branches]]
code = "121"
name = "本店営業部"
[[exchanges]]
id = "hq"
name = "HQ"
kind = "ami"
branch = "121"
area_code = "03"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cti.toml"
    path.write_text(SETTINGS.format(folder=tmp_path / "data"), "utf-8")
    return path


def test_the_command_reads_shift_jis_and_reports_what_it_refused(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "customers.csv"
    rows = ["1,髙橋①,タカハシ,東京,2222-0001,,121,,3", "2,佐藤,サトウ,東京,110,,121,,3"]
    file.write_bytes("\r\n".join([JAPANESE, *rows]).encode("cp932"))
    assert main(["customers", "import", str(file), "--config", str(config)]) == 1
    out, err = capsys.readouterr()
    assert "1 added" in out and "1 refused" in out
    assert "is read as Shift_JIS" in err and "customers.csv.refused.csv says why" in err
    with (tmp_path / "customers.csv.refused.csv").open(encoding="utf-8-sig", newline="") as report:
        header, row = list(csv.reader(report))
    assert header[:3] == ["line", "reason", "顧客コード"] and row[0] == "3" and "“110”" in row[1] and row[3] == "佐藤"
    database = Database(f"sqlite:///{tmp_path / 'data' / 'yobirin.sqlite3'}")
    with database.open(EVERYTHING) as work:
        (one,) = work.session.scalars(select(Customer))
        assert (one.name, one.numbers[0].e164) == ("髙橋①", "+81322220001")
    database.close()


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (None, [], "can't be read (No such file or directory)"),
        (b"\xff\x00\xa0\xfd" * 99, [], "neither UTF-8 nor Shift_JIS"),
        (b"code,name\n", [], "has no column numbers"),
        (b"", [], "has no column code"),
        (b"code,name\n", ["--encoding", "klingon"], "no encoding “klingon”"),
        ("顧客コード".encode("cp932") + b"\n", ["--encoding", "utf-8"], "can't be read as UTF-8"),
    ],
)
def test_a_file_that_is_none_gets_a_sentence(
    tmp_path: Path,
    config: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    options: list[str],
    said: str,
) -> None:
    file = tmp_path / "customers.csv"
    if content is not None:
        file.write_bytes(content)
    assert main(["customers", "import", str(file), "--config", str(config), *options]) == 1
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err
