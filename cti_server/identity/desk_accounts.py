"""The accounts: users and roles (spec/50)."""

from __future__ import annotations

from dataclasses import replace

from cti_server.identity import seating
from cti_server.identity.accounts import Role, User, login_key
from cti_server.identity.desk_base import check_password, check_user
from cti_server.identity.desk_extensions import Extensions
from cti_server.identity.roles import authorities, check_role, tell_all
from cti_server.shared.errors import Invalid


class Managing(Extensions):
    """Adding and changing users and roles."""

    def users(self) -> list[User]:
        """All users, by id."""
        with self._rows() as rows:
            return rows.users()

    def add_user(self, user: User, password: str | None, by: str | None = None) -> None:
        """Adds a user with its extensions; without a password nobody can sign in as them yet."""
        if password is not None:
            check_password(password)
        made = self._hasher.hash(password) if password is not None else ""
        user = replace(user, login=login_key(user.login))
        with self._rows(write=True) as rows:
            if rows.user(user.id) is not None:
                raise Invalid(f"There is a user {user.id} already; choose another id", "id", "user-taken")
            same = rows.by_login(user.login)
            if same is not None:
                raise Invalid(
                    f"The login “{user.login}” is that of user {same.id}; choose another", "login", "login-taken"
                )
            check_user(rows, user)
            rows.put_user(user)
            rows.put_password(user.id, made)
            for exchange, extension in user.extensions:
                self._give(rows, exchange, extension, user.id, by)
            rows.note(self._clock.now(), by, "user-added", user.id, {"role": user.role, "branch": user.branch})

    def set_password(self, user_id: str, password: str, by: str | None = None) -> None:
        """Gives a user another password and ends all their sessions."""
        check_password(password)
        made = self._hasher.hash(password)
        with self._rows(write=True) as rows:
            self._existing(rows, user_id)
            rows.put_password(user_id, made)
            self._end_all(rows, user_id)
            rows.note(self._clock.now(), by, "password-changed", user_id, {})

    def set_active(self, user_id: str, active: bool, by: str | None = None) -> None:
        """Lets a user in or keeps them out; who is kept out loses all sessions and API tokens at once."""
        with self._rows(write=True) as rows:
            rows.put_user(replace(self._existing(rows, user_id), active=active))
            if not active:
                self._end_all(rows, user_id)
                rows.end_tokens(user_id, self._clock.now())
                seating.sign_out(rows.telephones, user_id, self._clock.now(), forced=True)
            rows.note(self._clock.now(), by, "user-enabled" if active else "user-disabled", user_id, {})

    def set_role(self, user_id: str, role: str, by: str | None = None) -> None:
        """Gives a user another role."""
        with self._rows(write=True) as rows:
            user = replace(self._existing(rows, user_id), role=role)
            check_user(rows, user)
            rows.put_user(user)
            rows.note(self._clock.now(), by, "role-given", user_id, {"role": role})
            rows.tell_rights([user_id, *rows.stand_ins.standing_for([user_id], self._clock.now())], self._clock.now())

    def roles(self) -> list[Role]:
        """All roles, by name."""
        with self._rows() as rows:
            return rows.roles()

    def put_role(self, role: Role, by: str | None = None) -> None:
        """Adds a role or changes its authorities."""
        check_role(role)
        with self._rows(write=True) as rows:
            rows.put_role(role)
            now = self._clock.now()
            rows.note_role(now, by, "role-changed", role.name, {"after": authorities(role)})
            tell_all(rows, role.name, now)
