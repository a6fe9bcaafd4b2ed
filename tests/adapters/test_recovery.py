"""When the exchange's own record is asked for a gap, how often, and what is said when it can't be had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from cti_adapters.exchanges.record_sources import CsvRecord, RecordProblem, TableRecord
from cti_adapters.exchanges.recovery import LATE, Recovery, source_of
from cti_adapters.storage.gap_recovery import PendingGap
from cti_server.settings import ExchangeSettings
from tests.adapters.test_record_sources import BEGINNING, row, written


class Ticking:
    """Both clocks in one."""

    def __init__(self, reactor: Clock, at: float) -> None:
        self._reactor, self._at = reactor, at

    def now(self) -> float:
        return self._at + self._reactor.seconds()


class Rig:
    """An exchange that was not heard from BEGINNING on for five minutes."""

    def __init__(self, folder: Path, **cdr: Any) -> None:
        self.reactor = Clock()
        self.path = folder / "Master.csv"
        self.pending: list[PendingGap] = [PendingGap(BEGINNING, BEGINNING + 300, None, "", 0)]
        self.asked = 0
        self.has_record: bool | None = None
        self.heard = True
        self.stuck = False
        self.kept: list[dict[str, Any]] = []
        settings = {"id": "hq", "name": "hq", "kind": "ami", "branch": "121"}
        self.recovery = Recovery(
            ExchangeSettings(**settings, **cdr),  # type: ignore[arg-type]
            self,
            self,
            reactor=self.reactor,
            clock=Ticking(self.reactor, BEGINNING + 300),
            in_thread=self.in_thread,
        )

    def in_thread(self, what: Any, *args: Any) -> Deferred[Any]:
        return maybeDeferred(what, *args)

    def pending_gaps(self, exchange: str, since: float, has_record: bool) -> list[PendingGap]:
        self.asked += 1
        self.has_record = has_record
        if self.stuck:
            raise OSError("database is locked")
        return list(self.pending)

    def keep_fetched(self, payload: bytes) -> bool:
        if not self.heard:
            return False
        told = json.loads(payload)
        self.kept.append(told)
        self.pending = [
            gap._replace(problem=told.get("problem", ""), fetched_at=None if told.get("problem") else 1.0)
            for gap in self.pending
            if not told["finished"]
        ]
        return True

    def runs(self, seconds: float) -> list[tuple[int, str, bool]]:
        """What is kept meanwhile: (rows, problem, finished)."""
        before = len(self.kept)
        for _ in range(round(seconds)):
            self.reactor.advance(1)
        return [(len(one["rows"]), one.get("problem", ""), one["finished"]) for one in self.kept[before:]]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path, cdr={"file": tmp_path / "Master.csv"})


def test_the_record_is_read_a_moment_after_the_reconnect_and_until_late_rows_are_there(rig: Rig) -> None:
    rig.path.write_text(written(row(100), row(5000)))
    rig.recovery.wake()
    assert rig.runs(4) == []
    assert rig.runs(2) == [(1, "", False)]
    assert rig.runs(50) == []
    rig.path.write_text(written(row(100), row(200, number=2), row(5000)))
    assert rig.runs(60) == [(1, "", False)]  # the late one only
    assert rig.runs(LATE) == [(0, "", True)]
    asked = rig.asked
    assert rig.runs(3600) == []
    assert rig.asked == asked


def test_a_late_row_comes_with_the_others_of_its_call(rig: Rig) -> None:
    first = row(100)
    rig.path.write_text(written(first))
    rig.recovery.wake()
    assert rig.runs(6) == [(1, "", False)]
    rig.path.write_text(written(first, row(120, uniqueid=first["uniqueid"]), row(130, number=3)))
    assert rig.runs(60) == [(3, "", False)]


def test_it_goes_on_as_long_as_a_call_of_the_gap_is_still_up(rig: Rig) -> None:
    rig.path.write_text("")
    rig.pending = [gap._replace(still_up=1) for gap in rig.pending]
    rig.recovery.wake()
    assert rig.runs(1000) == [(0, "", False)]
    rig.path.write_text(written(row(100, 1000)))
    assert rig.runs(61) == [(1, "", False)]
    rig.pending = [gap._replace(still_up=0) for gap in rig.pending]
    assert rig.runs(61) == [(0, "", True)]


def test_a_record_that_is_not_there_is_said_once_and_tried_until_it_is(rig: Rig) -> None:
    rig.recovery.wake()
    assert rig.runs(600) == [(0, "record-missing", False)]
    assert rig.kept[0]["detail"] == {"file": str(rig.path)}
    rig.path.write_text(written(row(100)))
    assert (1, "", True) in rig.runs(1200)
    assert rig.pending == []


def test_without_a_record_that_is_said_and_that_is_all(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.recovery.wake()
    assert rig.runs(3600) == [(0, "record-none", True)]
    assert rig.has_record is False


def test_nothing_is_kept_while_the_exchange_is_not_heard(rig: Rig) -> None:
    rig.path.write_text(written(row(100)))
    rig.heard = False
    rig.recovery.wake()
    assert rig.runs(300) == []
    rig.heard = True
    assert rig.runs(100)[0][0] == 1


def test_a_database_that_is_stuck_is_asked_again(rig: Rig) -> None:
    rig.path.write_text(written(row(100)))
    rig.stuck = True
    rig.recovery.wake()
    assert rig.runs(30) == []
    rig.stuck = False
    assert rig.runs(600)[0][0] == 1


def test_a_stopped_feed_asks_no_more(rig: Rig) -> None:
    rig.recovery.wake()
    rig.recovery.stop()
    assert rig.runs(100) == []
    assert (rig.asked, rig.reactor.getDelayedCalls()) == (0, [])


def test_where_the_record_is_comes_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    def source(**cdr: Any) -> Any:
        return source_of(ExchangeSettings(id="hq", name="hq", kind="ami", branch="121", cdr=cdr))  # type: ignore[arg-type]

    assert isinstance(source(file="/x/Master.csv"), CsvRecord)
    monkeypatch.setenv("CDR_URL", "sqlite:////x/cdr.db")
    assert isinstance(source(secret_env="CDR_URL"), TableRecord)
    with pytest.raises(RecordProblem) as told:
        source(secret_env="NOT_SET")
    assert told.value.code == "record-bad-secret"
    for wrong in ({}, {"file": "/x", "secret_env": "CDR_URL"}):
        with pytest.raises(ValueError, match="name either file"):
            source(**wrong)
