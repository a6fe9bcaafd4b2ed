"""The application over a real database, with whoever the test says signed in: for the reviewer's pages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flask.testing import FlaskClient

from cti_adapters.storage import mapping
from cti_server.settings import Settings
from cti_server.shared.viewer import Viewer
from cti_web.app import create_app
from tests.adapters.desk_rig import Office, viewer
from tests.web.test_leak_routes import Everyone, Silent


class ReviewSite:
    """The office of the desk's tests, served."""

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder)
        self.office.put(
            mapping.Exchange(id="hq", name="本店 PBX", kind="ami", branch="121"),
            mapping.User(id="900", login="900", name="name 900", branch="122", role="compliance reviewer"),
        )
        self._accounts = Everyone()
        base = {"server": {"data_dir": str(folder)}}
        exchange = {"id": "hq", "name": "HQ", "kind": "ami", "branch": "121", "host": "h", "username": "u"}
        settings = Settings.model_validate(
            base
            | {
                "branches": [{"code": "121", "name": "本店営業部"}],
                "exchanges": [exchange | {"secret_env": "NO_SECRET"}],
            }
        )
        self.app = create_app(
            self.office.database,
            settings,
            self.office.clock,
            Silent(),
            accounts=self._accounts,  # type: ignore[arg-type]
        )
        self.app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)

    def client(self, who: Viewer, language: str = "en") -> FlaskClient:
        self._accounts.now = replace(who, language=language)
        made = self.app.test_client()
        made.set_cookie("yobirin", "t")
        return made

    def page(self, who: Viewer, path: str, language: str = "en") -> str:
        answer = self.client(who, language).get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.get_data(as_text=True)


def reviewer() -> Viewer:
    return viewer("900", role="compliance reviewer", branch="122", extensions=())
