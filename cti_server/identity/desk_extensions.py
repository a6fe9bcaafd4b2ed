"""Whose an extension is, as commands and the accounts change it; the pages have ``telephones.py``."""

from __future__ import annotations

from cti_server.identity import seating
from cti_server.identity.desk_base import Base
from cti_server.identity.ports import AccountRows
from cti_server.shared.errors import Invalid, NotFound
from cti_server.shared.telephones import Seat


class Extensions(Base):
    """Own, shared and free extensions."""

    def give_extension(self, exchange: str, extension: str, user_id: str, by: str | None = None) -> None:
        """Says whose an extension of an exchange is. Raises Invalid where it is somebody else's."""
        with self._rows(write=True) as rows:
            self._give(rows, exchange, extension, self._existing(rows, user_id).id, by)

    def _give(self, rows: AccountRows, exchange: str, extension: str, user_id: str, by: str | None) -> None:
        telephones = rows.telephones
        seating.check_free_for(telephones, exchange, extension, user_id)
        seating.assign(telephones, exchange, extension, user_id, shared=False, now=self._clock.now(), by=by)

    def take_extension(self, exchange: str, extension: str, by: str | None = None) -> None:
        """Takes an extension from whoever has it; it is free then, for who takes it for the day."""
        with self._rows(write=True) as rows:
            known = rows.telephones.telephone(exchange, extension)
            if known is None or known.user is None:
                raise NotFound(f"Extension {extension} of exchange {exchange} is nobody's")
            seating.assign(rows.telephones, exchange, extension, None, shared=False, now=self._clock.now(), by=by)

    def common_extension(self, exchange: str, extension: str, *, shared: bool, by: str | None = None) -> None:
        """Makes an extension a shared telephone, or a free one. Raises Invalid where it is somebody's own."""
        with self._rows(write=True) as rows:
            known = rows.telephones.telephone(exchange, extension)
            if known is not None and known.user is not None:
                raise Invalid(
                    f"Extension {extension} of exchange {exchange} is that of user {known.user}; take it from them "
                    "first",
                    "extension",
                    "extension-taken",
                )
            seating.assign(rows.telephones, exchange, extension, None, shared=shared, now=self._clock.now(), by=by)

    def sits_at(self, exchange: str, extension: str) -> Seat | None:
        """Who took an extension for the day, if somebody did."""
        with self._rows() as rows:
            known = rows.telephones.telephone(exchange, extension)
            return known.seat(self._clock.now()) if known is not None else None
