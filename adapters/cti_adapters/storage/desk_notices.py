"""Notices of changed work on their way through the outbox: to plain data and back."""

from __future__ import annotations

from typing import Any, cast

from cti_server.shared.notices import WorkChanged
from cti_server.shared.scope import Kind, Label


def work_body(notice: WorkChanged) -> dict[str, Any]:
    """The body of an outbox row of kind ``work``."""
    return {
        "labels": [[label.kind, label.branch, label.rep, label.confidentiality] for label in notice.labels],
        "calls": list(notice.call_ids),
        "items": list(notice.item_ids),
        "users": list(notice.users),
    }


def work_notice(body: dict[str, Any]) -> WorkChanged:
    """The notice that such a row holds."""
    labels = tuple(Label(cast(Kind, kind), branch, rep, level) for kind, branch, rep, level in body["labels"])
    return WorkChanged(labels, tuple(body["calls"]), tuple(body["items"]), tuple(body["users"]))
