"""The one door to the use cases of the identity room: signing in and out, who a session is, and the accounts themselves
(spec/50; docs/house.md names them all)."""

from __future__ import annotations

from cti_server.identity.administering import Administering
from cti_server.identity.desk_accounts import Managing
from cti_server.identity.desk_choosing import Choosing
from cti_server.identity.leaving import Leaving
from cti_server.identity.roles import Roles
from cti_server.identity.signing_in import LiveSession, SigningIn
from cti_server.identity.standing_in import StandingIn

__all__ = ["Accounts", "LiveSession"]


class Accounts(SigningIn, Choosing, Managing, Administering, Roles, StandingIn, Leaving):
    """All use cases. Each opens a transaction of its own."""
