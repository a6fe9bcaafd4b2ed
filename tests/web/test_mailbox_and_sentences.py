"""The demo's mailbox page, and errors in the reader's language."""

from __future__ import annotations

import mailbox as boxes
from email.message import EmailMessage
from pathlib import Path

import pytest

from cti_server.shared.errors import Conflict, Invalid, NotAllowed, YobirinError
from cti_web import mailbox, sentences
from tests.web.fake_desk import FakeDesk
from tests.web.pages import make_app


def put(folder: Path, subject: str, body: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "desk@example.jp", "kazuko@example.jp", subject
    message.set_content(body)
    boxes.Maildir(folder, create=True).add(message)


def test_letters_of_a_maildir_are_read(tmp_path: Path) -> None:
    assert mailbox.letters(tmp_path / "none") == []
    put(tmp_path / "box", "お電話のお礼", "渡辺 和子 様\nありがとうございます。")
    (letter,) = mailbox.letters(tmp_path / "box")
    assert (letter.subject, letter.to) == ("お電話のお礼", "kazuko@example.jp")
    assert letter.body == "渡辺 和子 様\nありがとうございます。"


def test_the_mailbox_is_a_page_of_the_demo_only(tmp_path: Path) -> None:
    app = make_app(tmp_path, FakeDesk())
    client = app.test_client()
    client.set_cookie("yobirin", "ja")
    assert client.get("/mailbox").status_code == 404
    put(tmp_path / "box", "<b>bold</b>", "text")
    app.config["DEMO_MAILBOX"] = tmp_path / "box"
    text = client.get("/mailbox").get_data(as_text=True)
    assert "&lt;b&gt;bold" in text and 'href="/mailbox"' in text


@pytest.mark.parametrize(
    ("error", "japanese"),
    [
        (Invalid("A customer needs a name", "name", "wrong-name"), "顧客の氏名を入力してください"),
        (
            Invalid("The reason went missing on its way; write it", "reason", "reason-missing"),
            "理由 を入力してください。",
        ),
        (Invalid("The note is longer than 5 characters; shorten it", "note", "note-long"), "メモ が長すぎます。"),
        (Conflict("This is done already; open it again first"), "すでに完了しています。先に未対応に戻してください"),
        (NotAllowed("Your role does not allow you to export lists; ask an administrator for it"), ""),
        (Invalid("100 % of nothing we know", "x", "never-heard-of"), ""),
    ],
)
def test_an_error_is_said_in_the_readers_language(tmp_path: Path, error: YobirinError, japanese: str) -> None:
    app = make_app(tmp_path, FakeDesk())
    with app.test_request_context(headers={"Accept-Language": "ja"}):
        assert sentences.said(error) == japanese
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert sentences.said(error) == str(error)
