"""The rows of the compliance room's tables as plain classes; they stay within ``storage/``."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped, registry

from cti_adapters.storage import schema, schema_compliance
from cti_adapters.storage.mapping import Row

_registry = registry(metadata=schema.metadata)


class StandingRow(Row):
    """How a call stands for those who may see one label of it (labelled)."""

    id: Mapped[int]
    call_id: Mapped[str]
    customer_code: Mapped[str | None]
    tier: Mapped[int]
    branch: Mapped[str]
    rep: Mapped[str]
    state: Mapped[Any]
    kind: Mapped[Any]
    day: Mapped[int]
    due_at: Mapped[float | None]
    started_at: Mapped[float]
    seconds: Mapped[float | None]


class CoverageRow(Row):
    """How many calls stand so (labelled)."""

    day: Mapped[int]
    branch: Mapped[str]
    rep: Mapped[str]
    tier: Mapped[int]
    kind: Mapped[str]
    state: Mapped[str]
    due_hour: Mapped[int]
    n: Mapped[int]


class PolicyRow(Row):
    """One version of the rules."""

    version: Mapped[int]
    since: Mapped[float]
    at: Mapped[float]
    by: Mapped[str]
    note: Mapped[str]
    body: Mapped[dict[str, Any]]


class ExemptionRow(Row):
    """That a call needs no record (labelled as its call is)."""

    id: Mapped[int]
    call_id: Mapped[str]
    reason: Mapped[str]
    state: Mapped[Any]
    asked_by: Mapped[str]
    asked_at: Mapped[float]
    decided_by: Mapped[str | None]
    decided_at: Mapped[float | None]
    answer: Mapped[str]


class ViewRow(Row):
    """Filters of the coverage page under a name."""

    id: Mapped[int]
    user: Mapped[str]
    name: Mapped[str]
    address: Mapped[str]
    shared: Mapped[bool]
    span: Mapped[str]
    branch: Mapped[str]
    classes: Mapped[list[int]]
    at: Mapped[float]


class RecountRow(Row):
    """Past calls that have to be looked at again."""

    id: Mapped[int]
    since: Mapped[float | None]
    why: Mapped[str]
    asked_at: Mapped[float]
    cursor_id: Mapped[str]
    done: Mapped[int]
    changed: Mapped[int]
    finished_at: Mapped[float | None]


_registry.map_imperatively(StandingRow, schema_compliance.standings)
_registry.map_imperatively(CoverageRow, schema_compliance.coverage)
_registry.map_imperatively(PolicyRow, schema_compliance.policies)
_registry.map_imperatively(ExemptionRow, schema_compliance.exemptions)
_registry.map_imperatively(ViewRow, schema_compliance.coverage_views)
_registry.map_imperatively(RecountRow, schema_compliance.recounts)
