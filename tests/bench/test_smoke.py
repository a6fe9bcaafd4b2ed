"""`make bench` runs: every row is measured at its small size and written down. Nothing is asserted about time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.timeout(400)
def test_the_bench_measures_every_row_and_writes_it_down(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--size", "small", "--side-by-side", "3", "--out", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(out.read_text("utf-8"))
    named = " ".join(row["name"] for row in rows)
    calls = ("codec", "committed calls", "SMDR bytes", "side by side", "storming", "log writer", "memory")
    for expected in (*calls, "pop-up", "match", "screen", "list page", "choice by"):
        assert expected in named
    for row in rows:
        assert {"name", "value", "unit", "target", "met"} <= row.keys()
        assert row["value"] > 0
