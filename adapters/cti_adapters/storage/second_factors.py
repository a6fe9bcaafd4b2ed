"""Second factors, recovery codes and half sign-ins in the database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from sqlalchemy import CursorResult, delete, func, select, update

from cti_adapters.storage.gate import GatedSession
from cti_adapters.storage.signin_rows import HalfSignInRow, RecoveryCodeRow, SecondFactorRow
from cti_server.identity.factor_ports import HalfSignIn, SecondFactor, Step


class FactorShelf:
    """See ``cti_server.identity.factor_ports.FactorRows``."""

    def __init__(self, session: GatedSession) -> None:
        self._session = session

    def factor(self, user: str) -> SecondFactor | None:
        """A user's."""
        row = self._session.get(SecondFactorRow, user)
        return None if row is None else SecondFactor(row.user, row.sealed, row.since, row.last_step)

    def put_factor(self, factor: SecondFactor) -> None:
        """Saves one as given."""
        values = {name: getattr(factor, name) for name in SecondFactor.__slots__}
        self._session.merge(SecondFactorRow(**values))
        self._session.flush()

    def all_on(self) -> dict[str, float]:
        """Whose is on, since when."""
        rows = self._session.scalars(select(SecondFactorRow).where(SecondFactorRow.since.is_not(None)))
        return {row.user: row.since for row in rows if row.since is not None}

    def use_step(self, user: str, step: int) -> bool:
        """Notes that the code of a step was used; false where that or a later one was used in the meantime. The
        database decides, so that of two at once one is refused."""
        mine = (SecondFactorRow.user == user, SecondFactorRow.last_step < step)
        return self._changed(update(SecondFactorRow).where(*mine).values(last_step=step))

    def drop_factor(self, user: str) -> None:
        """Forgets it, with its recovery codes and half sign-ins."""
        for kind in (RecoveryCodeRow, HalfSignInRow, SecondFactorRow):
            self._changed(delete(kind).where(kind.user == user))

    def put_recovery(self, user: str, keys: Iterable[str]) -> None:
        """Replaces a user's recovery codes."""
        self._changed(delete(RecoveryCodeRow).where(RecoveryCodeRow.user == user))
        self._session.add_all(RecoveryCodeRow(user=user, key=key) for key in keys)
        self._session.flush()

    def recovery_left(self, user: str) -> int:
        """How many were not used."""
        mine = select(func.count(RecoveryCodeRow.key)).where(RecoveryCodeRow.user == user)
        return self._session.scalars(mine).one()

    def use_recovery(self, user: str, key: str) -> bool:
        """Uses one up; false where there is none like it."""
        return self._changed(delete(RecoveryCodeRow).where(RecoveryCodeRow.user == user, RecoveryCodeRow.key == key))

    def half(self, half_id: str) -> HalfSignIn | None:
        """One by id."""
        row = self._session.get(HalfSignInRow, half_id)
        if row is None:
            return None
        return HalfSignIn(row.token_hash, row.user, cast(Step, row.step), row.expires, row.address)

    def put_half(self, half: HalfSignIn) -> None:
        """Saves one as given."""
        values: dict[str, Any] = {"user": half.user, "step": half.step, "expires": half.expires}
        self._session.merge(HalfSignInRow(token_hash=half.id, address=half.address, **values))

    def drop_half(self, half_id: str) -> bool:
        """Forgets one; false where there is none any more."""
        return self._changed(delete(HalfSignInRow).where(HalfSignInRow.token_hash == half_id))

    def drop_halves_of(self, user: str) -> None:
        """Forgets those of a user."""
        self._changed(delete(HalfSignInRow).where(HalfSignInRow.user == user))

    def drop_halves(self, before: float) -> None:
        """Forgets those that ended before then."""
        self._changed(delete(HalfSignInRow).where(HalfSignInRow.expires < before))

    def _changed(self, statement: Any) -> bool:
        result = self._session.execute(statement.execution_options(synchronize_session="fetch"))
        return cast("CursorResult[Any]", result).rowcount > 0
