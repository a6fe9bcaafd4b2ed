"""Erasures and legal holds on their page, and the command that proves an erased call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from cti_adapters.storage.schema import calls
from cti_server.cli import main
from cti_server.shared.scope import Span
from tests.adapters.desk_rig import with_scope
from tests.adapters.phase_rig import NUMBER
from tests.adapters.storage_rig import inbound
from tests.web.test_phase_pages import Site

LIST = "/compliance/erasures"
ONE = replace(with_scope("990", "122", Span.ALL, {1, 2, 3}, {"audit", "unregistered"}), language="en")
OTHER = replace(ONE, id="991", scope=replace(ONE.scope, user="991"))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.firm.rings(inbound(1, NUMBER))
    return made


def test_asked_for_by_one_and_done_by_another(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f'href="{LIST}?customer=100101"' in site.page(ONE, "/customers/100101")
    site.post(ONE, LIST, customer="100101", reason="a letter of yesterday", do="erase")
    mine = site.page(ONE, LIST)
    assert "name 100101" in mine and "somebody else decides" in mine and "/erase" not in mine
    site.post(ONE, f"{LIST}/1/erase", 422, sure="on")
    site.post(OTHER, f"{LIST}/1/erase", 422)
    site.post(OTHER, f"{LIST}/1/erase", sure="on")
    done = site.page(OTHER, f"{LIST}?state=erased")
    assert "1 call" in done and "of yesterday" not in done
    assert "100101" not in done, done[done.index("100101") - 200 :][:300]
    site.page(ONE, "/customers/100101", 404)
    with site.firm.database.engine.connect() as connection:
        (call,) = connection.scalars(select(calls.c.id)).all()
    seen = site.page(ONE, f"/calls/{call}")
    assert "Erased: it took place" in seen and "100101" not in seen
    shown = seen.partition("<main")[2].partition("</main>")[0]
    assert shown and "Unregistered caller" not in shown and "withheld" not in shown
    assert "Erased: it took place" in site.page(ONE, f"/compliance/trail/{call}")
    assert site.page(ONE, f"/compliance/trail/{call}/bytes")
    config = tmp_path / "cti.toml"
    url = f"sqlite:///{site.firm.database.url.database}"
    config.write_text(f'[server]\ndata_dir = "{tmp_path}"\ndatabase_url = "{url}"\n', "utf-8")
    assert main(["erasure", "check", call, NUMBER, "--config", str(config)]) == 0
    assert main(["erasure", "check", call, "03-9999-9999", "--config", str(config)]) == 1
    assert main(["erasure", "check", "nothing", NUMBER, "--config", str(config)]) == 2
    said = capsys.readouterr()
    assert "yes: the call took place" in said.out and "is no call that was erased" in said.err


def test_taken_back_refused_and_held(site: Site) -> None:
    site.post(ONE, LIST, customer="100101", reason="a letter", do="erase")
    site.post(ONE, f"{LIST}/1/withdraw")
    site.post(ONE, LIST, customer="100101", reason="a letter", do="erase")
    site.post(OTHER, f"{LIST}/2/refuse", reason="the supervisor asks for it")
    assert "the supervisor asks for it" in site.page(ONE, f"{LIST}?state=refused")
    site.post(ONE, LIST, customer="100101", reason="a lawsuit", do="hold")
    site.post(ONE, LIST, 409, customer="100101", reason="a letter", do="erase")
    assert "a lawsuit" in site.page(ONE, LIST)
    site.post(ONE, "/compliance/holds/1/end", reason="it is over")
    assert "it is over" in site.page(ONE, LIST)
    site.post(ONE, LIST, 404, customer="nobody", reason="a letter", do="erase")


def test_retention_is_run_by_hand_too(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "cti.toml"
    url = f"sqlite:///{site.firm.database.url.database}"
    head = f'[server]\ndata_dir = "{tmp_path}"\ndatabase_url = "{url}"\n'
    config.write_text(head + "[journal]\nkeep_days = 1\n[retention]\ncall_days = 1\nnote_days = 1\n", "utf-8")
    assert main(["retention", "--only-look", "--config", str(config)]) == 0
    assert "calls: 0 would end" in capsys.readouterr().out
