"""The pages of proposals and trials: the overview tells of them, one is opened to its deals, decided and undone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.adapters.learning_rig import EACH, FAR, Learning
from tests.web.test_phase_pages import BOSS, Site, english

AWAY = english("811", role="branch manager", branch="122", extensions=())


class LearningSite(Site):
    """The pages over a firm from which something can be learned."""

    made = Learning
    firm: Learning


@pytest.fixture
def site(tmp_path: Path) -> LearningSite:
    return LearningSite(tmp_path)


def proposals(site: LearningSite) -> dict[str, str]:
    """Title -> address of those on the overview."""
    page = site.page(BOSS, "/phases/overview")
    return {title: where for where, title in re.findall(r'href="(/phases/proposals/\d+)"><b>(.*?)</b>', page)}


def test_a_proposal_from_the_overview_to_its_deals_and_its_decision(site: LearningSite) -> None:
    service = site.firm.learns()
    assert "None yet. It is looked every night" in site.page(BOSS, "/phases/overview")
    assert site.post(BOSS, f"/phases/overview/{service.id}/look") == "/phases/overview"
    known = proposals(site)
    assert known.keys() == {"Make “Budget” required", "Offer first: Send a mail"}
    assert "2 await approval" in site.page(BOSS, "/phases/overview")
    where = known["Make “Budget” required"]
    page = site.page(BOSS, where)
    assert "The difference is 100 points" in page and "name 801: 12 of 12" in page
    deals = site.page(BOSS, f"{where}/deals?of=others&said=no")
    assert deals.count('href="/phases/') >= 12 and "name 400000" in deals and "name 300000" not in deals
    site.post(BOSS, f"{where}/approve", version=1)
    page = site.page(BOSS, where)
    assert "Take the decision back" in page and "Why should it stay" not in page
    site.post(BOSS, f"{where}/approve", 409, version=2)
    site.post(BOSS, f"{where}/undo", version=2)
    assert not site.firm.known(service.id).phases[0].items[1].required
    where = known["Offer first: Send a mail"]
    assert "in place of: Call" in site.page(BOSS, where)
    site.post(BOSS, f"{where}/reject", 422, version=1, reason="")
    site.post(BOSS, f"{where}/reject", version=1, reason="mails are not read here")
    assert "“mails are not read here”" in site.page(BOSS, where)
    site.post(BOSS, f"/phases/overview/{service.id}/look")
    assert len(proposals(site)) == 2, "neither is proposed again"


def test_a_manager_of_another_branch_is_told_of_their_own_customers_only(site: LearningSite) -> None:
    service = site.firm.learns()
    site.post(BOSS, f"/phases/overview/{service.id}/look")
    where = proposals(site)["Make “Budget” required"]
    page = site.page(AWAY, where)
    assert "over the customers that you may see" in page and "nothing can be compared" in page
    assert "name 801" not in page and "/approve" not in page
    assert "name 40000" in site.page(AWAY, f"{where}/deals?of=others&said=no")
    assert len(re.findall(r'href="/phases/\d+"', site.page(AWAY, f"{where}/deals?of=others&said=no"))) == FAR
    assert "None of the deals" in site.page(AWAY, f"{where}/deals?of=best&said=yes")
    site.page(english(), where, 403)
    site.page(BOSS, "/phases/proposals/999", 404)
    site.post(AWAY, f"{where}/approve", 403, version=1)


def test_the_card_says_why_it_is_suggested_again_then(site: LearningSite) -> None:
    service = site.firm.learns()
    phase = service.phases[0]
    fields = {"phase": phase.id, "name": phase.name, "action": "call", "contract": "on"}
    site.post(BOSS, f"/admin/phases/{service.id}/phase", target_days=4, **fields)
    new = {"service": service.id, "title": "Cloud", "source": "web", "size": "small", "first_contact": "2027-01-10"}
    where = site.post(english(), "/phases/open/100101", **new)
    assert "Next suggestion on" not in site.page(english(), where)
    site.post(english(), f"{where}/log", kind="mail", note="")
    assert "sooner than usual, since deals get through this phase faster than its target of 4 days" in site.page(
        english(), where
    )
    site.post(english(), f"{where}/put-off", day="2027-06-01")
    assert "Next suggestion on 1 Jun" in site.page(english(), where)


def test_a_trial_from_its_proposal_to_its_end_and_on(site: LearningSite) -> None:
    service = site.firm.learns(learn_from=0)
    fields = {"name": service.name, "rule": "sum", "months": "24", "learn_from": "0", "version": "1"}
    site.post(BOSS, f"/admin/phases/{service.id}", 422, try_after=400, **fields)
    site.post(BOSS, f"/admin/phases/{service.id}", try_after=2, **fields)
    site.post(BOSS, f"/phases/overview/{service.id}/look")
    where = proposals(site)["Try whether “Plans” is needed"]
    page = site.page(BOSS, where)
    assert "2.0 days on average" in page and "drawn by chance" in page
    assert len(re.findall(r'href="/phases/\d+"', site.page(BOSS, f"{where}/deals?of=others&said=yes"))) == 2 * EACH
    site.post(BOSS, f"{where}/approve", version=1)
    assert "1 running" in site.page(BOSS, "/phases/overview")
    assert "/phases/trials/1" in site.page(BOSS, where)
    site.firm.more(site.firm.known(service.id), EACH)
    page = site.page(BOSS, "/phases/trials/1")
    assert "Is “Plans” needed?" in page and "100 % <small" in page and "be told yet" in page
    assert len(re.findall(r'href="/phases/\d+"', site.page(BOSS, "/phases/trials/1/deals?half=required"))) == EACH
    assert "None of the deals" in site.page(AWAY, "/phases/trials/1/deals")
    assert "/end" not in site.page(AWAY, "/phases/trials/1")
    site.post(AWAY, "/phases/trials/1/end", 403, version=1, how="optional")
    site.post(BOSS, "/phases/trials/1/end", version=1, how="optional", reason="nobody misses it")
    page = site.page(BOSS, "/phases/trials/1")
    assert "Became optional" in page and "“nobody misses it”" in page
    site.post(BOSS, "/phases/trials/1/resume", version=2)
    assert "Keep it required" in site.page(BOSS, "/phases/trials/1")
    site.page(english(), "/phases/trials/1", 403)
    site.page(BOSS, "/phases/trials/9", 404)
