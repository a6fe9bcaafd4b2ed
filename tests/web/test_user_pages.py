"""The pages for who looks after users, and one's own sessions, over real accounts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cti_server.identity.accounts import User
from cti_server.settings import Settings
from cti_web.app import create_app
from tests.adapters.storage_rig import FixedClock
from tests.adapters.test_administering import Firm
from tests.web.test_leak_routes import Silent

NEW = {"id": "950", "login": "neu", "name": "新人 太郎", "branch": "122", "role": "rep", "language": "ja"}


class Site:
    """The pages over the firm of the room's tests."""

    def __init__(self, folder: Path) -> None:
        self.firm = Firm(folder)
        settings = Settings.model_validate({"server": {"data_dir": str(folder), "language": "en"}})
        self.app = create_app(self.firm.database, settings, FixedClock(), Silent(), accounts=self.firm.room)  # type: ignore[arg-type]
        self.app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)

    def client(self, id: str, address: str = "192.0.2.1") -> FlaskClient:
        client = self.app.test_client()
        client.set_cookie("yobirin", self.firm.room.sign_in(f"u{id}", "correct horse", address))
        self.firm.room.set_language(self.firm.viewer(id), "en")
        return client


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def text(answer: Any, status: int = 200) -> str:
    said: str = answer.get_data(as_text=True)
    assert answer.status_code == status, said[-3000:]
    return said


def test_a_user_is_added_found_changed_and_locked_out(site: Site) -> None:
    chief = site.client("900")
    made = text(chief.post("/admin/users/new-user", data=NEW))
    password = re.search(r"([a-z2-9]{4}(?:-[a-z2-9]{4}){3})", made)
    assert password and site.firm.room.sign_in("neu", password[1], "192.0.2.5")
    assert password[1] not in text(chief.get("/admin/users/950"))
    assert "新人 太郎" in text(chief.get("/admin/users?q=新人"))
    assert "新人 太郎" not in text(chief.get("/admin/users?q=nobody"))
    page = text(chief.get("/admin/users/950"))
    seen = re.search(r'name="seen" value="(\w+)"', page)
    assert seen and "handles calls" in page and "Their own customers" in page
    changed = NEW | {"name": "新人 花子", "seen": seen[1]}
    assert chief.post("/admin/users/950", data=changed).status_code == 303
    assert "in the meantime" in text(chief.post("/admin/users/950", data=changed), 409)
    assert "新人 花子" in text(chief.get("/admin/users/950"))
    assert chief.post("/admin/users/950/lock", data={"locked": "1"}).status_code == 303
    assert "locked out" in text(chief.get("/admin/users?state=locked"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"id": "801"}, "There is a user of this number already"),
        ({"login": "u801"}, "Somebody else signs in with this login"),
        ({"mail": "nowhere"}, "This is no mail address"),
        ({"timezone": "Mars"}, "There is no time zone of this name"),
        ({"role": "king"}, "There is no role"),
        ({"name": " "}, "A user needs a name"),
    ],
)
def test_what_cannot_be_is_told_beside_what_was_typed(site: Site, wrong: dict[str, str], said: str) -> None:
    page = text(site.client("900").post("/admin/users/new-user", data=NEW | wrong), 422)
    assert said in page and f'value="{wrong.get("id", "950")}"' in page


def test_who_may_not_and_who_is_held_to_a_branch(site: Site) -> None:
    for path in ("/admin/users", "/admin/users/801", "/admin/users/new-user"):
        text(site.client("801").get(path), 403)
    local = site.client("910")
    assert "名前805" not in text(local.get("/admin/users")) and "横浜" not in text(local.get("/admin/users"))
    for act in ("", "/lock", "/password", "/second-factor", "/sessions"):
        hidden, nobody = (text(local.post(f"/admin/users/{who}{act}", data=NEW), 404) for who in ("805", "nobody"))
        assert hidden == nobody
    assert "can&#39;t give this branch or role" in text(local.post("/admin/users/new-user", data=NEW), 422)


def test_ones_own_sessions_are_listed_and_ended(site: Site) -> None:
    here, there = site.client("801", "192.0.2.1"), site.client("801", "192.0.2.77")
    page = text(here.get("/me"))
    assert "192.0.2.77" in page
    keys = re.findall(r'name="session" value="(\w+)"', page)
    assert here.post("/me/sessions/end", data={"session": keys[0]}).status_code == 303
    assert here.post("/me/sessions/end-others").status_code == 303
    assert "/signin" in there.get("/me").headers["Location"]
    assert 'name="session"' not in text(here.get("/me"))
    text(site.client("910").post("/me/sessions/end", data={"session": keys[0]}), 404)


def test_a_role_is_changed_after_a_preview_and_the_change_is_taken_back(site: Site) -> None:
    chief = site.client("900")
    assert "Branch manager" in text(chief.get("/admin/roles"))
    there = "/admin/roles/rep"
    wanted = "span=branch&classes=23&rights=handle&rights=unregistered"
    page = text(chief.get(f"{there}?{wanted}"))
    assert "Who would see what" in page and "名前801" in page and "sees unregistered callers" in page
    assert site.firm.viewer("801").scope.span == "own"  # a look changes nothing
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.partition("y-preview")[2]))
    assert fields["rights"] == "handle,unregistered"
    answer = chief.post(there, data=fields, headers={"HX-Request": "true"})
    undo = json.loads(answer.headers["HX-Trigger"])["y:said"]
    assert site.firm.viewer("801").scope.span == "branch"
    assert "in the meantime" in text(chief.post(there, data=fields), 409)
    assert chief.post(undo["url"], data=undo["fields"]).status_code == 303
    rep = site.firm.viewer("801")
    assert rep.scope.span == "own" and rep.rights == {"handle", "customers"} and len(rep.scope.classes) == 3
    assert "has to see customers" in text(chief.get(f"{there}?span=own&classes=&rights=handle"), 422)


def test_a_role_is_added_as_a_copy_removed_and_brought_back(site: Site) -> None:
    chief = site.client("900")
    assert "as a copy of Branch manager" in text(chief.get("/admin/roles/new-role?like=branch manager"))
    new = {"name": "夜間", "span": "branch", "classes": "123", "rights": ["handle", "unregistered"]}
    assert chief.post("/admin/roles/new-role", data=new).status_code == 303
    assert "of this name already" in text(chief.post("/admin/roles/new-role", data=new), 422)
    answer = chief.post("/admin/roles/夜間/remove", headers={"HX-Request": "true"})
    undo = json.loads(answer.headers["HX-Trigger"])["y:said"]
    assert chief.get("/admin/roles/夜間").status_code == 404
    chief.post(undo["url"], data=undo["fields"])
    assert "handles calls" in text(chief.get("/admin/roles/夜間"))


def test_roles_are_shut_for_who_looks_after_one_branch(site: Site) -> None:
    local = site.client("910")
    for path in ("/admin/roles", "/admin/roles/rep", "/admin/roles/nonsense", "/admin/roles/new-role"):
        assert local.get(path).status_code == 403
    assert "/admin/roles" not in text(local.get("/admin/users"))


def test_a_stand_in_is_named_on_ones_own_settings_and_ended_by_who_looks_after_them(site: Site) -> None:
    site.firm.room.add_user(User("802", "u802", "名前802", "121", "rep"), "correct horse")
    rep, chief = site.client("801"), site.client("900")
    days = {"first": "2027-01-15", "last": "2027-01-16"}
    assert "名前805" not in text(rep.get("/me"))  # of another branch
    assert "Say the first and the last day" in text(rep.post("/me/stand-ins", data={"user": "802"}), 422)
    assert "three months at most" in text(
        rep.post("/me/stand-ins", data=days | {"user": "802", "last": "2028-01-01"}), 422
    )
    assert rep.post("/me/stand-ins", data=days | {"user": "802", "note": "休暇"}).status_code == 303
    page = text(chief.get("/admin/users/801"))
    assert "名前802 for 名前801" in page and "休暇" in page
    assert "on some of these days already" in text(
        chief.post("/admin/users/801/stand-ins", data=days | {"user": "805"}), 422
    )
    end = re.search(r"/me/stand-ins/\d+/end", page)
    assert end and site.client("805").post(end[0]).status_code == 404
    assert chief.post(end[0]).location == "/admin/users/801"
    assert chief.post("/admin/users/801/stand-ins", data=days | {"user": "805"}).status_code == 303
    assert "名前805 for 名前801" in text(rep.get("/me"))


def test_somebody_leaves_and_a_colleague_takes_over(site: Site) -> None:
    site.firm.room.add_user(User("802", "u802", "名前802", "121", "rep"), "correct horse")
    chief, rep = site.client("900"), site.client("801")
    page = text(chief.get("/admin/users/801/leave"))
    assert "名前802" in page and "What is theirs now" in page
    assert "who handles calls" in text(chief.post("/admin/users/801/leave", data={"to": "900"}), 422)
    assert rep.get("/me").status_code == 200
    assert chief.post("/admin/users/801/leave", data={"to": "802"}).location == "/admin/users/801"
    assert rep.get("/me").status_code == 303 and "locked out" in text(chief.get("/admin/users/801"))
    assert "let yourself leave" in text(chief.get("/admin/users/900/leave"), 422)
    assert site.client("910").get("/admin/users/805/leave").status_code == 404
