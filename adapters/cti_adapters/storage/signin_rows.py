"""The rows of signing in, mapped as those of ``mapping`` are."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, registry

from cti_adapters.storage import schema, schema_signin
from cti_adapters.storage.mapping import Row

_registry = registry(metadata=schema.metadata)


class SecondFactorRow(Row):
    """A user's authenticator app."""

    user: Mapped[str]
    sealed: Mapped[str]
    since: Mapped[float | None]
    last_step: Mapped[int]


class RecoveryCodeRow(Row):
    """A recovery code that was not used yet."""

    user: Mapped[str]
    key: Mapped[str]


class HalfSignInRow(Row):
    """A sign-in that lacks its second step."""

    token_hash: Mapped[str]
    user: Mapped[str]
    step: Mapped[str]
    expires: Mapped[float]
    address: Mapped[str]


class ApiTokenRow(Row):
    """A token of a program."""

    id: Mapped[int]
    key: Mapped[str]
    user: Mapped[str]
    name: Mapped[str]
    scopes: Mapped[list[str]]
    created: Mapped[float]
    expires: Mapped[float]
    made_by: Mapped[str | None]
    used: Mapped[float | None]
    ended: Mapped[float | None]


class StandInRow(Row):
    """Somebody who stands in for an absent colleague."""

    id: Mapped[int]
    absent: Mapped[str]
    user: Mapped[str]
    since: Mapped[float]
    until: Mapped[float]
    note: Mapped[str]
    made_by: Mapped[str | None]
    made_at: Mapped[float]
    ended_at: Mapped[float | None]
    ended_by: Mapped[str | None]


_registry.map_imperatively(StandInRow, schema_signin.stand_ins)
_registry.map_imperatively(SecondFactorRow, schema_signin.second_factors)
_registry.map_imperatively(RecoveryCodeRow, schema_signin.recovery_codes)
_registry.map_imperatively(HalfSignInRow, schema_signin.half_signins)
_registry.map_imperatively(ApiTokenRow, schema_signin.api_tokens)
