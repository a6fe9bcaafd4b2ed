"""The incoming report by mail: what its user may see, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from email.utils import parseaddr
from pathlib import Path

import pytest
from sqlalchemy import select

from cti_adapters.storage.mapping import Mail, Outbox
from cti_adapters.storage.work import Database
from cti_server.settings import ReportSettings
from cti_server.shared.errors import NotAllowed
from cti_server.shared.scope import EVERYTHING, Span
from cti_web.report_mail import queue_report
from tests.bench import world

SETTINGS = ReportSettings(at="18:00", to=("branch@example.jp", "boss@example.jp"), user="rep7")


class Clock:
    def now(self) -> float:
        return world.NOW


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return world.database(tmp_path, 3000, 40_000)


def test_each_receiver_gets_the_calls_of_the_users_branch(database: Database) -> None:
    viewer = replace(world.viewer(Span.BRANCH), language="ja")
    queue_report(database, viewer, Clock(), SETTINGS)
    with database.open(EVERYTHING) as work:
        mails = list(work.session.scalars(select(Mail)))
        assert [parseaddr(mail.mail_to)[1] for mail in mails] == ["branch@example.jp", "boss@example.jp"]
        assert work.session.scalars(select(Outbox.kind)).all() == ["mail", "mail"]
    body = mails[0].body
    assert "着信" in mails[0].subject
    seen = {word for word in body.replace("(", " ").replace(")", " ").split() if word.isdigit() and len(word) == 8}
    assert seen and all(int(code) % world.BRANCHES == 7 for code in seen)


def test_a_mail_is_an_export(database: Database) -> None:
    viewer = replace(world.viewer(Span.ALL), rights=frozenset({"handle"}))
    with pytest.raises(NotAllowed):
        queue_report(database, viewer, Clock(), SETTINGS)
    with database.open(EVERYTHING) as work:
        assert not list(work.session.scalars(select(Mail)))
