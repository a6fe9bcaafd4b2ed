"""Records the scenarios against a real Asterisk into tests/golden.

    python -m tests.realpbx.record [ID ...]      (needs root and `python tests/provision.py --only asterisk`)

Each folder holds `ami.raw` (every byte that Asterisk sent on one AMI connection with all rights; `ami.1.raw`,
`ami.2.raw` where the connection was lost), `ami.*chunks.jsonl` (arrival, offset, length of each read), `cdr.csv` (the
rows that Asterisk wrote, under a header line) and `truth.json` (the calls as a person counts them). The truth comes
from the script and the SIP messages; only its `linkedids` are looked up in the recording.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import shutil
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from tests.provision import missing_asterisk
from tests.realpbx.asterisk import Asterisk
from tests.realpbx.scenarios import ALL
from tests.realpbx.scene import Play, Scene, Truth
from tests.realpbx.stage import Stage

GOLDEN = Path(__file__).parents[1] / "golden"
CDR_HEADER = (
    "clid,src,dst,dcontext,channel,dstchannel,lastapp,lastdata,start,answer,end,duration,billsec,disposition,amaflags,"
    "accountcode,uniqueid,userfield,linkedid,sequence,start_epoch,answer_epoch,end_epoch\n"
)
Event = dict[str, str]


async def play(scene: Scene, script: Play) -> None:
    """Plays a scenario between a short silence before it and one after the last channel is gone."""
    await scene.connect()
    await asyncio.sleep(0.6)
    await script(scene)
    await asyncio.to_thread(scene.asterisk.wait_idle)
    await asyncio.sleep(2.5)
    await scene.cut()


def record(asterisk: Asterisk, stage: Stage, name: str, script: Play) -> None:
    """Records one scenario into its folder."""
    asterisk.wait_idle()
    stage.forget()
    before = asterisk.cdr_file.stat().st_size if asterisk.cdr_file.exists() else 0
    scene = Scene(stage, asterisk)
    stage.do(play(scene, script))
    folder = GOLDEN / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, tap in enumerate(scene.taps, 1):
        tap.save(folder, "ami" if len(scene.taps) == 1 else f"ami.{number}")
    rows = asterisk.cdr_file.read_bytes()[before:] if asterisk.cdr_file.exists() else b""
    (folder / "cdr.csv").write_bytes(CDR_HEADER.encode() + rows)
    events = [event for tap in scene.taps for event in parsed(bytes(tap.received))]
    records = list(csv.DictReader(io.StringIO(CDR_HEADER + rows.decode())))
    scene.truth.sort(key=lambda entry: str(entry["started_at"]))
    for entry in scene.truth:
        entry["linkedids"] = linkedids(entry, events, records)
    (folder / "truth.json").write_text(json.dumps(scene.truth, ensure_ascii=False, indent=1) + "\n")
    size = sum(len(tap.received) for tap in scene.taps)
    print(f"{name}: {len(scene.truth)} calls, {len(events)} events, {size} bytes, {len(records)} CDR rows", flush=True)
    for complaint in doubts(scene.truth, events):
        print(f"   {complaint}", flush=True)


def parsed(raw: bytes) -> Iterator[Event]:
    """The events of a recording; of a header that comes twice, the last."""
    for block in raw.decode("utf-8", "replace").split("\r\n\r\n"):
        headers = dict(line.split(": ", 1) for line in block.split("\r\n") if ": " in line)
        if "Event" in headers:
            yield headers


def linkedids(entry: Truth, events: list[Event], records: list[Event]) -> list[str]:
    """Every Linkedid that the call's channels ever had: from the caller's channel on, joined by channels they share."""
    shared: dict[str, set[str]] = {}
    for event in events:
        for key, unique in event.items():
            linked = event.get(key.removesuffix("Uniqueid") + "Linkedid")
            if key.endswith("Uniqueid") and linked and not key.endswith("BridgeUniqueid"):
                shared.setdefault(unique, set()).add(linked)
    found = {first_linkedid(entry, events, records)}
    while True:
        grown = found.union(*(ids for ids in shared.values() if ids & found))
        if grown == found:
            return sorted(found)
        found = grown


def first_linkedid(entry: Truth, events: list[Event], records: list[Event]) -> str:
    """The Linkedid with which the caller's channel began: by dialled number or extension, and time."""
    started = epoch(entry["started_at"])
    for event in events:
        begins = event["Event"] == "Newchannel" and abs(float(event["Timestamp"]) - started) < 0.3
        if (begins or event["Event"] == "CoreShowChannel") and is_callers(entry, event["Channel"], event["Exten"]):
            return event["Linkedid"]
    for row in records:
        if abs(float(row["start_epoch"]) - started) < 0.3 and is_callers(entry, row["channel"], row["dst"]):
            return row["linkedid"]
    raise LookupError(f"the recording has no channel of the call to {entry['dialed_number']} at {entry['started_at']}")


def is_callers(entry: Truth, channel: str, exten: str) -> bool:
    """Can this channel be the one of the call's caller?"""
    if entry["direction"] == "in":
        return channel.startswith("PJSIP/trunk-") and exten == entry["dialed_number"]
    return channel.startswith(f"PJSIP/{entry['caller_number']}-")


def doubts(truth: list[Truth], events: list[Event]) -> Iterator[str]:
    """Where the truth's times and the recording's are more than 0.15 s apart: to be looked at by a person."""
    for entry in truth:
        ids = entry["linkedids"]
        own = [event for event in events if event.get("Linkedid", event.get("DestLinkedid")) in ids]
        for field, kinds in (("started_at", {"Newchannel"}), ("answered_at", ANSWERS), ("ended_at", {"Hangup"})):
            if entry[field] is None:
                continue
            at = epoch(entry[field])
            times = [float(event["Timestamp"]) for event in own if event["Event"] in kinds]
            nearest = min((abs(time - at) for time in times), default=None)
            if nearest is None or nearest > 0.15:
                yield f"{entry['dialed_number']}: {field} is {nearest} s from the nearest of {sorted(kinds)}"


ANSWERS = {"DialEnd", "AgentConnect", "Pickup", "ConfbridgeJoin"}


def epoch(text: str) -> float:
    """Epoch seconds of a time in the truth."""
    return datetime.fromisoformat(text).timestamp()


def main(wanted: list[str]) -> int:
    """Records the named scenarios, or all."""
    if reason := missing_asterisk():
        print(reason, file=sys.stderr)
        return 1
    chosen = [(name, script) for name, script in ALL.items() if not wanted or name.split("-")[0] in wanted]
    asterisk = Asterisk(modules="stock")
    try:
        asterisk.start()
        stage = Stage(asterisk.ports)
        for name, script in chosen:
            record(asterisk, stage, name, script)
        stage.close()
    finally:
        asterisk.remove()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
