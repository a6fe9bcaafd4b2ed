"""API tokens in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlalchemy import select

from cti_adapters.storage import outbox
from cti_adapters.storage.signin_rows import ApiTokenRow
from cti_server.identity.token_ports import ApiToken, TokenScope
from cti_server.identity.tokens import STREAM

if TYPE_CHECKING:
    from cti_adapters.storage.work import UnitOfWork


class TokenShelf:
    """See ``cti_server.identity.token_ports.TokenRows``."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._session = work.session

    def by_key(self, key: str) -> ApiToken | None:
        """One by the SHA-256 of its text."""
        row = self._session.scalars(select(ApiTokenRow).where(ApiTokenRow.key == key)).first()
        return None if row is None else _token(row)

    def of(self, user: str | None) -> list[ApiToken]:
        """A user's, or everybody's, that were not revoked; the latest first."""
        query = select(ApiTokenRow).where(ApiTokenRow.ended.is_(None)).order_by(ApiTokenRow.id.desc())
        if user is not None:
            query = query.where(ApiTokenRow.user == user)
        return [_token(row) for row in self._session.scalars(query)]

    def add(self, token: ApiToken) -> ApiToken:
        """Keeps a new one; gives it with its id."""
        values = {name: getattr(token, name) for name in ApiToken.__slots__ if name != "id"}
        row = ApiTokenRow(**(values | {"scopes": list(token.scopes)}))
        self._session.add(row)
        self._session.flush()
        return _token(row)

    def used(self, token: ApiToken, at: float) -> None:
        """Notes that it was used."""
        row = self._session.get(ApiTokenRow, token.id)
        if row is not None:
            row.used = at

    def end(self, token: ApiToken, at: float) -> None:
        """Revokes it; its live streams are told."""
        row = self._session.get(ApiTokenRow, token.id)
        if row is not None:
            row.ended = at
            outbox.put(self._work, "session_ended", {"session": STREAM + token.key}, at)


def _token(row: ApiTokenRow) -> ApiToken:
    scopes = tuple(cast(TokenScope, one) for one in row.scopes)
    return ApiToken(
        row.id, row.key, row.user, row.name, scopes, row.created, row.expires, row.made_by, row.used, row.ended
    )
