"""What pages saved about an exchange, and how it goes together with the settings file. Pure.

The file is the base. What a page saved wins over the file's entry of the same id; *back to the file* takes it away
again. Pausing and removing are marks of their own, so that they hold for either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from cti_server.settings import ExchangeSettings
from cti_server.shared.errors import Invalid

SECRET_FIELDS: Final = ("secret_env", "secret_file")


class State(NamedTuple):
    """What pages say of an exchange. ``saved`` is an entry as the file would hold it (JSON types); null: the file's.
    ``secret`` is the name of a file in the folder of secrets, where one was typed on a page; ``paused`` null: as the
    entry says."""

    saved: dict[str, Any] | None = None
    secret: str = ""
    paused: bool | None = None
    removed: bool = False


@dataclass(frozen=True, slots=True)
class SavedExchange:
    """An exchange as stored. ``base`` is the file's entry as the server read it last (null: none); ``before`` what
    the last change changed; ``version`` counts the changes, 0 where there was none."""

    id: str
    base: dict[str, Any] | None
    now: State
    version: int = 0
    by: str | None = None
    at: float | None = None
    before: State | None = None


class Problem(NamedTuple):
    """A saved entry that can't be used, and why: the others go on without it."""

    id: str
    name: str
    kind: str
    branch: str
    sentence: str


class Merged(NamedTuple):
    """The exchanges that are to run, and those that can't."""

    exchanges: tuple[ExchangeSettings, ...]
    problems: tuple[Problem, ...]


class Fault(NamedTuple):
    """What is wrong with one field (empty: with none in particular). ``code`` is pydantic's name of the error or
    ours, ``values`` what its sentence names."""

    field: str
    code: str
    sentence: str
    values: Mapping[str, Any]


class Unfit(Invalid):
    """Settings that can't be used, with all their faults."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        super().__init__(first.sentence, first.field, first.code)
        self.faults = tuple(faults)


def merged(
    entries: Sequence[ExchangeSettings], saved: Iterable[SavedExchange], secret_file: Callable[[str], str]
) -> Merged:
    """The file's ``entries`` with what pages saved; ``secret_file`` gives the path of a secret kept under a name."""
    of = {one.id: one for one in saved}
    exchanges: list[ExchangeSettings] = []
    problems: list[Problem] = []
    for entry in entries:
        stored = of.pop(entry.id, None)
        if stored is None or (stored.now.saved is None and not stored.now.removed):
            exchanges.append(_paused(entry, stored.now if stored else State()))
        elif not stored.now.removed:
            _add(stored, secret_file, exchanges, problems)
    for stored in of.values():
        if stored.now.saved is not None and not stored.now.removed:
            _add(stored, secret_file, exchanges, problems)
    return Merged(tuple(exchanges), tuple(problems))


def _add(
    stored: SavedExchange,
    secret_file: Callable[[str], str],
    exchanges: list[ExchangeSettings],
    problems: list[Problem],
) -> None:
    values = with_secret(stored.now, secret_file) or {}
    try:
        exchanges.append(_paused(checked({**values, "id": stored.id}), stored.now))
    except Unfit as bad:
        name, kind, branch = (str(values.get(key, "")) for key in ("name", "kind", "branch"))
        problems.append(Problem(stored.id, name or stored.id, kind, branch, str(bad)))


def with_secret(state: State, secret_file: Callable[[str], str]) -> dict[str, Any] | None:
    """The saved entry, naming the file in which a typed secret is kept."""
    if state.saved is None or not state.secret:
        return state.saved
    return {**state.saved, "secret_env": None, "secret_file": secret_file(state.secret)}


def _paused(settings: ExchangeSettings, state: State) -> ExchangeSettings:
    return settings if state.paused is None else settings.model_copy(update={"paused": state.paused})


def effective(stored: SavedExchange) -> dict[str, Any] | None:
    """The entry that holds: the page's, else the file's. Null where there is none any more."""
    return stored.base if stored.now.saved is None else stored.now.saved


def is_paused(stored: SavedExchange) -> bool:
    """Whether it is not to be listened to."""
    values = effective(stored) or {}
    return bool(values.get("paused")) if stored.now.paused is None else stored.now.paused


def checked(values: Mapping[str, Any]) -> ExchangeSettings:
    """An entry as settings: the very rules that hold for the file. Raises Unfit with every fault."""
    try:
        return ExchangeSettings.model_validate(dict(values))
    except ValidationError as bad:
        raise Unfit([_fault(error) for error in bad.errors()]) from bad


def _fault(error: Any) -> Fault:
    said = str(error["msg"]).removeprefix("Value error, ")
    field = ".".join(str(part) for part in error["loc"] if not isinstance(part, int))
    if not field:  # a rule about several: at the first that its sentence names
        named = (name for name in re.findall(r"\w+", said) if name in ExchangeSettings.model_fields)
        field = next(named, "")
    return Fault(field, str(error["type"]), said, {key: str(value) for key, value in error.get("ctx", {}).items()})
