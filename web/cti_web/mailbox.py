"""The demo's mailbox: what the server sent, as the mail server of the demo received it. Only there in the demo."""

from __future__ import annotations

import mailbox as boxes
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from pathlib import Path

from flask import Blueprint, Response, abort, current_app

from cti_web.answers import page
from cti_web.viewer import desk, signed_in

blueprint = Blueprint("mailbox", __name__)

LETTERS = 50


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it is shown."""

    at: float
    sender: str
    to: str
    subject: str
    body: str


@blueprint.get("/mailbox")
@signed_in
def show() -> Response:
    """The latest mails."""
    folder = current_app.config.get("DEMO_MAILBOX")
    if not folder:
        abort(404)
    with desk() as use:
        return page(use, "mailbox/page.html", letters=letters(Path(folder)))


def letters(folder: Path) -> list[Letter]:
    """The newest mails of a Maildir, the newest first."""
    if not folder.is_dir():
        return []
    box = boxes.Maildir(folder, factory=None, create=False)
    found = sorted(((box.get_message(key).get_date(), key) for key in box.keys()), reverse=True)  # noqa: SIM118
    return [_letter(at, box.get_bytes(key)) for at, key in found[:LETTERS]]


def _letter(at: float, raw: bytes) -> Letter:
    message = BytesParser(policy=policy.default).parsebytes(raw)
    body = message.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    return Letter(at, str(message["from"] or ""), str(message["to"] or ""), str(message["subject"] or ""), text.strip())
