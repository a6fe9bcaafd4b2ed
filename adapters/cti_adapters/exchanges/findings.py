"""What a look at an exchange found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

from cti_adapters.exchanges.status import Reason

READ: Mapping[str, str] = MappingProxyType(
    {
        "system": "FullyBooted tells a restart from a lost link",
        "call": "everything about calls",
        "agent": "queues",
        "cdr": "voicemail",
    }
)
WRITE: Mapping[str, str] = MappingProxyType(
    {
        "reporting": "CoreShowChannels says after a lost link which calls are still up",
        "originate": "calling back; nobody needs it where nobody calls back through the exchange",
    }
)
OPTIONAL = frozenset({"originate"})

State = Literal["granted", "missing", "unproven"]


class Right(NamedTuple):
    """One right that is needed. ``kind``: ``read`` or ``write``; ``why``: what for."""

    kind: str
    name: str
    state: State
    why: str


@dataclass(slots=True)
class Findings:
    """What a check found out."""

    exchange: str
    reason: Reason = field(default_factory=Reason)
    """Why it could not be signed in to; empty where it could."""
    banner: str = ""
    rights: list[Right] = field(default_factory=list)
    notes: list[Reason] = field(default_factory=list)
    """What else is to be said, where all is well."""
    superfluous: list[tuple[str, str]] = field(default_factory=list)
    """(``read`` or ``write``, classes): rights that it has and nobody needs. Several names: one of these at least."""

    @property
    def missing(self) -> list[Right]:
        """What it can't do without and has not."""
        return [one for one in self.rights if one.state == "missing" and one.name not in OPTIONAL]

    @property
    def good(self) -> bool:
        """Whether calls will be heard, as far as that can be told."""
        return not self.reason.code and not self.missing


def manager_conf(user: str, secret: str, address: str) -> list[str]:
    """The lines of ``manager.conf`` that an AMI user with the least rights takes; ``secret`` and ``address`` are what
    stands for the secret and for this server's address."""
    return [
        f"[{user}]",
        f"secret = {secret}",
        "deny = 0.0.0.0/0",
        f"permit = {address}",
        f"read = {','.join(READ)}",
        f"write = {','.join(WRITE)}",
    ]
