"""A call's trail for the reviewer: its chapters, and that looking at it, or revealing, stands in it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from cti_adapters.storage import mapping
from cti_server.calls.corrected import BY_FOLDING
from tests.adapters.desk_rig import viewer
from tests.adapters.lane_rig import GOLDEN
from tests.adapters.storage_rig import customer
from tests.adapters.test_call_bytes import calls_of, journalled
from tests.web.review_site import ReviewSite, reviewer

TRACE = GOLDEN / "A5-queue-ringall-answered"


@pytest.fixture
def site(tmp_path: Path) -> ReviewSite:
    site = ReviewSite(tmp_path)
    (log,) = calls_of(TRACE)
    site.office.clock.at = log.started_at
    site.office.put(customer("100101", "+818011112222"), customer("100102", "+819911112222"))
    site.office.rings(replace(log, party_e164="+818011112222"))
    site.office.clock.at += 600
    return site


def call_of(site: ReviewSite) -> str:
    return calls_of(TRACE)[0].id


def test_a_call_is_told_from_its_match_to_its_corrections(site: ReviewSite) -> None:
    call = call_of(site)
    with site.office.desk(viewer()) as desk:
        item = desk.call(call).row.item
        assert item is not None
        desk.dial(item)
        desk.send_mail(item, "k@example.jp", "Your call", "Thank you for calling")
        desk.reveal(call)
    site.office.put(
        mapping.Correction(
            call_id=call,
            at=site.office.clock.at,
            by="",
            why=BY_FOLDING,
            what="changed",
            fields={"talk_seconds": [7.0, 9.0], "caller_number": ["08011112222", None]},
        )
    )
    text = site.page(reviewer(), f"/compliance/trail/{call}")
    assert re.findall(r'<section class="y-card" id="y-(\w+)"', text) == (
        ["bytes", "exchange", "match", "told", "looked", "recorded", "done"]
    )
    assert "the whole number, as E.164" in text and "100101" in text and "100102" not in text
    assert "Thank you for calling" in text and "name 801" in text and "Number shown to" in text
    assert "<del>0:07</del>" in text and "<ins>0:09</ins>" in text
    assert "Looked at by</b> name 900" in text and "JST" in text
    assert "08011112222" not in text and "080-1111-2222" not in text


def test_the_bytes_are_masked_until_a_reason_is_given(site: ReviewSite) -> None:
    call = call_of(site)
    settings = site.app.extensions["yobirin.settings"]
    journalled(settings.data_dir / "journal" / "hq", TRACE, days=1)
    masked = site.page(reviewer(), f"/compliance/trail/{call}/bytes")
    assert "Newchannel" in masked and "Answered" in masked and "Ringing" in masked
    assert "08011112222" not in masked and "YAMADA" not in masked
    client = site.client(reviewer())
    assert client.post(f"/compliance/trail/{call}/bytes", data={"reason": " "}).status_code == 422
    whole = client.post(f"/compliance/trail/{call}/bytes", data={"reason": "an inquiry"})
    assert "08011112222" in whole.get_data(as_text=True)
    assert "an inquiry" in site.page(reviewer(), f"/compliance/trail/{call}")
    assert [(one.user, one.detail["reason"]) for one in site.office.trail("raw revealed")] == [("900", "an inquiry")]


def test_whoever_may_not_see_every_caller_is_not_shown_the_bytes_whole(site: ReviewSite) -> None:
    call = call_of(site)
    settings = site.app.extensions["yobirin.settings"]
    journalled(settings.data_dir / "journal" / "hq", TRACE, days=1)
    manager = viewer("700", role="branch manager")
    manager = replace(manager, rights=manager.rights | {"audit"})
    strict = site.page(manager, f"/compliance/trail/{call}/bytes")
    assert "Newchannel" in strict and "2222" not in strict and "Show whole numbers" not in strict
    answer = site.client(manager).post(f"/compliance/trail/{call}/bytes", data={"reason": "x"})
    assert answer.status_code == 403 and not site.office.trail("raw revealed")


def test_without_the_right_or_the_scope_there_is_no_trail(site: ReviewSite) -> None:
    call = call_of(site)
    assert site.client(viewer()).get(f"/compliance/trail/{call}").status_code == 403
    elsewhere = viewer("803", branch="122")
    elsewhere = replace(elsewhere, rights=elsewhere.rights | {"audit"})
    for path in (f"/compliance/trail/{call}", f"/compliance/trail/{call}/bytes", "/compliance/trail/hq-none"):
        assert site.client(elsewhere).get(path).status_code == 404
