"""What users change of their own account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cti_server.identity.accounts import Dialling, Viewer
from cti_server.identity.desk_base import Base, check_password, check_user
from cti_server.identity.sessions import session_id
from cti_server.shared.errors import Invalid


class Choosing(Base):
    """Language, screens and password."""

    def set_language(self, viewer: Viewer, language: str) -> None:
        """Keeps the language that the user chose."""
        self.set_preferences(viewer, language=language)

    def preferences(self, viewer: Viewer) -> dict[str, Any]:
        """What the user chose for their screens (keys, notifications ...): plain data that the pages define."""
        with self._rows() as rows:
            return rows.preferences(viewer.id)

    def set_preferences(
        self,
        viewer: Viewer,
        *,
        language: str | None = None,
        timezone: str | None = None,
        dial: Dialling | None = None,
        screens: dict[str, Any] | None = None,
    ) -> None:
        """Keeps what is given; null leaves a choice as it is. ``timezone`` empty: the branch's. ``screens`` is merged
        into :meth:`preferences`."""
        with self._rows(write=True) as rows:
            user = self._existing(rows, viewer.id)
            if language is not None:
                user = replace(user, language=language)
            if timezone is not None:
                user = replace(user, timezone=timezone)
            if dial is not None:
                user = replace(user, dial=dial)
            check_user(rows, user)
            rows.put_user(user)
            if screens is not None:
                rows.put_preferences(user.id, rows.preferences(user.id) | screens)

    def change_password(self, viewer: Viewer, old: str, new: str, token: str | None = None) -> None:
        """Changes the user's own password; all sessions but that of ``token`` end. Raises Invalid where the old one is
        wrong or the new one won't do."""
        check_password(new)
        with self._rows() as rows:
            kept = rows.password(viewer.id)
        if not self._hasher.verify(kept, old):
            raise Invalid("The old password is wrong", "old", "wrong-password")
        made = self._hasher.hash(new)
        with self._rows(write=True) as rows:
            rows.put_password(viewer.id, made)
            self._end_all(rows, viewer.id, session_id(token) if token else None)
            rows.note(self._clock.now(), viewer.id, "password-changed", viewer.id, {})
