"""Evidence packs: what is in one, for whom, and that a plain Python finds whatever is done to it."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.storage import audit_reading
from cti_server.audit import pack_verifier
from cti_server.audit.seals import exported
from cti_server.cli import main
from tests.adapters.desk_rig import viewer
from tests.adapters.storage_rig import customer
from tests.adapters.test_call_bytes import calls_of, journalled
from tests.web.review_site import ReviewSite, reviewer
from tests.web.test_compliance_trail import TRACE


@pytest.fixture
def site(tmp_path: Path) -> ReviewSite:
    site = ReviewSite(tmp_path)
    (log,) = calls_of(TRACE)
    site.office.clock.at = log.started_at
    site.office.put(customer("100101", "+818011112222"), customer("100102", "+819911112222"))
    site.office.rings(replace(log, party_e164="+818011112222"))
    site.office.clock.at += 600
    journalled(site.app.extensions["yobirin.settings"].data_dir / "journal" / "hq", TRACE, days=1)
    return site


CALL = calls_of(TRACE)[0].id


def pack_of(site: ReviewSite, tmp_path: Path, **form: str) -> Path:
    answer = site.client(reviewer()).post(f"/compliance/evidence/{CALL}", data=form)
    assert answer.status_code == 200 and answer.mimetype == "application/zip"
    path = tmp_path / "pack.zip"
    path.write_bytes(answer.get_data())
    return path


def files_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {one: file.read(one) for one in file.namelist()}


def alone(path: Path, *words: str) -> tuple[int, str]:
    """As its receiver runs it: the verifier out of the pack, with a Python that knows nothing of ours."""
    program = path.parent / "verify.py"
    program.write_bytes(zipfile.ZipFile(path).read("verify.py"))
    command = [sys.executable, "-I", "-S", str(program), str(path), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    return done.returncode, done.stdout + done.stderr


def test_a_call_is_taken_along_with_its_proof_and_that_stands_in_the_trail(site: ReviewSite, tmp_path: Path) -> None:
    path = pack_of(site, tmp_path)
    status, said = alone(path)
    assert status == 0, said
    files = files_of(path)
    kinds = {name.partition("/")[0] for name in files}
    assert kinds >= {"calls", "bytes", "trail.jsonl", "seals.json", "claims.json", "rules.json", "summary.html"}
    whole = b"".join(files.values())
    assert b"08011112222" not in whole and b"+818011112222" not in whole  # masked, as on the reviewer's pages
    entries = [json.loads(line) for line in files["trail.jsonl"].splitlines()]
    assert {"matched", "opened", "evidence taken", "exported"} <= {one["act"] for one in entries}
    assert all(one["digest"] == pack_verifier.digest_of(one) for one in entries)
    manifest = pack_verifier.verify(path).manifest
    assert [one.detail["manifest"] for one in site.office.trail("evidence made")] == [manifest]
    assert [(one.user, one.subject_id) for one in site.office.trail("evidence taken")] == [("900", CALL)]
    assert audit_reading.verify(site.office.database).good


def test_what_to_read_first_is_in_the_readers_language(site: ReviewSite) -> None:
    answer = site.client(reviewer(), "ja").post(f"/compliance/evidence/{CALL}")
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as file:
        assert "監査証跡の記録とその証明" in file.read("README.txt").decode()


def test_whole_bytes_take_a_reason(site: ReviewSite, tmp_path: Path) -> None:
    files = files_of(pack_of(site, tmp_path, reason="an inquiry"))
    assert b"08011112222" in next(text for name, text in files.items() if name.startswith("bytes/"))
    assert [one.detail["reason"] for one in site.office.trail("raw revealed")] == ["an inquiry"]


def test_a_list_is_taken_along_by_its_filters_and_only_what_the_scope_admits(site: ReviewSite) -> None:
    client = site.client(reviewer())
    day = {"from": "2000-01-01", "to": "2100-01-01", "period": "days"}
    answer = client.post("/compliance/evidence", data=day)
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as file:
        assert json.loads(file.read("manifest.json"))["calls"] == 1
    assert client.post("/compliance/evidence", data=day | {"direction": "out"}).status_code == 422
    stranger = viewer("702", role="branch manager", branch="122")
    stranger = replace(stranger, rights=stranger.rights | {"audit", "export"})
    assert site.client(stranger).post(f"/compliance/evidence/{CALL}").status_code == 404
    assert site.client(viewer("801")).post(f"/compliance/evidence/{CALL}").status_code == 403
    reading = replace(reviewer(), rights=reviewer().rights - {"export"})
    assert site.client(reading).post(f"/compliance/evidence/{CALL}").status_code == 403


def written(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)


def test_whatever_is_done_to_a_pack_is_found_by_name(site: ReviewSite, tmp_path: Path) -> None:
    path = pack_of(site, tmp_path)
    files = files_of(path)
    for seed in range(60):
        dice = random.Random(seed)
        name = dice.choice([one for one in sorted(files) if one != "manifest.json"])
        changed, what = dict(files), dice.choice(["altered", "missing", "added"])
        if what == "altered":
            at = dice.randrange(len(files[name]))
            changed[name] = files[name][:at] + bytes([files[name][at] ^ 1]) + files[name][at + 1 :]
        elif what == "missing":
            del changed[name]
        else:
            name = f"{dice.random()}.txt"
            changed[name] = b"new"
        written(path, changed)
        found = pack_verifier.verify(path)
        assert any(one.startswith(f"{name}: ") and what in one for one in found.problems), (seed, name, what)


def anew(files: dict[str, bytes]) -> dict[str, bytes]:
    """With a manifest that fits, as somebody would make it who wants to deceive."""
    manifest: dict[str, Any] = json.loads(files["manifest.json"])
    for one in manifest["files"]:
        one["sha256"] = pack_verifier.sha256(files[one["name"]]).hexdigest()
    return files | {"manifest.json": json.dumps(manifest).encode()}


def test_an_entry_that_was_rewritten_shows_though_the_manifest_fits(site: ReviewSite, tmp_path: Path) -> None:
    path = pack_of(site, tmp_path)
    files = files_of(path)
    lines = files["trail.jsonl"].splitlines()
    for at, line in enumerate(lines):
        entry = json.loads(line)
        entry["at"] += 1
        for honest in (False, True):
            entry["digest"] = pack_verifier.digest_of(entry) if honest else entry["digest"]
            forged = [*lines[:at], json.dumps(entry).encode(), *lines[at + 1 :]]
            written(path, anew(files | {"trail.jsonl": b"\n".join(forged)}))
            found = pack_verifier.verify(path)
            assert any(f"entry {entry['position']}:" in one for one in found.problems)


def test_seals_that_were_kept_elsewhere_and_the_servers_trail_tell_a_pack_made_anew(
    site: ReviewSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pack_of(site, tmp_path)
    kept = audit_reading.stored_seals(site.office.database.engine)
    away = tmp_path / "seals.json"
    away.write_text(exported(kept), "utf-8")
    assert alone(path, "--seals", str(away))[0] == 0
    away.write_text(exported([one._replace(digest="0" * 64) for one in kept]), "utf-8")
    assert alone(path, "--seals", str(away))[0] == 1
    config = tmp_path / "cti.toml"
    config.write_text(f'[server]\ndata_dir = "{tmp_path}"\n', "utf-8")
    assert main(["evidence", "verify", str(path), "--config", str(config)]) == 0
    written(path, anew(files_of(path)))
    assert main(["evidence", "verify", str(path), "--config", str(config)]) == 1
    assert "was not made by this server" in capsys.readouterr().out
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(pack_verifier.Unusable, match="cut off"):
        pack_verifier.verify(path)
