"""``cti user``: the people who sign in, their roles and their extensions (spec O5, spec/50)."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from cti_adapters.storage.accounts import accounts
from cti_adapters.storage.firm import put_branches
from cti_adapters.storage.settings_now import with_saved
from cti_adapters.storage.work import Database
from cti_server.identity.accounts import RIGHTS, Right, Role, User, login_key
from cti_server.identity.desk import Accounts
from cti_server.settings import Settings, load
from cti_server.shared.clock import SystemClock
from cti_server.shared.errors import NotFound, YobirinError
from cti_server.shared.people import Branch
from cti_server.shared.scope import Span

_Action = Callable[[argparse.Namespace, Accounts, Settings], None]


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser("user", help="look after users, roles and extensions")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")

    one = action(actions, "add", "add a user", _add)
    one.add_argument("login", help="what they sign in with")
    one.add_argument("--id", help="the firm's own number for them (default: the login)")
    one.add_argument("--name", required=True)
    one.add_argument("--kana", default="")
    one.add_argument("--mail", default="")
    one.add_argument("--branch", required=True, metavar="CODE")
    one.add_argument("--role", required=True, help="see cti user roles")
    one.add_argument("--language", default="ja", choices=("ja", "en"))
    one.add_argument("--extension", action="append", default=[], metavar="EXCHANGE:EXTENSION", help="may be repeated")
    one.add_argument("--no-password", action="store_true", help="nobody can sign in as them yet")
    _password_option(one)

    one = action(actions, "list", "list the users", _list)
    one.add_argument("--json", action="store_true", help="one JSON object per user")

    one = action(actions, "password", "give a user another password; all their sessions end", _password)
    one.add_argument("login")
    _password_option(one)

    for name, about in (("disable", "keep a user out, at once"), ("enable", "let a user in again")):
        one = action(actions, name, about, _set_active)
        one.add_argument("login")
        one.set_defaults(active=name == "enable")

    one = action(actions, "role", "give a user another role", _role)
    one.add_argument("login")
    one.add_argument("role")

    one = action(actions, "second-factor", "who has a second factor, or reset somebody's", _second_factor)
    one.add_argument("login", nargs="?", help="whose to reset")
    one.add_argument("--reset", action="store_true", help="take it away; their sessions end")

    one = action(actions, "roles", "list the roles, or add or change one", _roles)
    one.add_argument("name", nargs="?", help="the role to add or change")
    one.add_argument("--span", choices=[str(span) for span in Span], help="whose customers: own, branch, all")
    one.add_argument("--classes", metavar="1,2,3", help="customer classes within the limit; empty: none")
    one.add_argument("--rights", metavar="RIGHT,...", help=f"authorities: {', '.join(RIGHTS)}; empty: none")

    one = action(actions, "extension", "say whose telephone an extension is", _extension)
    one.add_argument("login")
    one.add_argument("exchange")
    one.add_argument("extension")
    one.add_argument("--take", action="store_true", help="take it from them instead")

    one = action(actions, "telephone", "say that an extension is shared by several, or free for the day", _telephone)
    one.add_argument("exchange")
    one.add_argument("extension")
    kinds = one.add_mutually_exclusive_group(required=True)
    kinds.add_argument("--shared", action="store_true", help="nobody's: who took a call there is entered by hand")
    kinds.add_argument("--free", action="store_true", help="whoever sits there takes it for the day")


def action(actions: Any, name: str, about: str, what: _Action) -> argparse.ArgumentParser:
    """Adds an action to a command."""
    parser: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
    parser.add_argument("--config", type=Path, default=Path("cti.toml"), help="settings file (default: %(default)s)")
    parser.set_defaults(run=run, action=what)
    return parser


def _password_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")


def run(args: argparse.Namespace) -> int:
    """Does what was asked for. 0: done."""
    settings = with_saved(load(args.config))
    with _accounts(settings) as room:
        args.action(args, room, settings)
    return 0


@contextmanager
def _accounts(settings: Settings) -> Iterator[Accounts]:
    database = Database(settings.database_url)
    try:
        database.prepare()
        with database.engine.execution_options(write=True).begin() as connection:
            put_branches(connection, [Branch(one.code, one.name, one.timezone) for one in settings.branches])
        yield accounts(database, SystemClock())
    finally:
        database.close()


def _add(args: argparse.Namespace, room: Accounts, settings: Settings) -> None:
    extensions = [_extension_of(text, settings) for text in args.extension]
    user = User(
        id=args.id or login_key(args.login),
        login=login_key(args.login),
        name=args.name,
        branch=args.branch,
        role=args.role,
        kana=args.kana,
        mail=args.mail,
        language=args.language,
        extensions=extensions,
    )
    room.add_user(user, None if args.no_password else _ask_password(args))
    print(f"{user.login} was added as user {user.id}, {user.role} of branch {user.branch}")


def _list(args: argparse.Namespace, room: Accounts, settings: Settings) -> None:
    for user in room.users():
        if args.json:
            print(json.dumps(asdict(user), ensure_ascii=False))
            continue
        telephones = ", ".join(f"{exchange}:{extension}" for exchange, extension in user.extensions) or "-"
        state = "" if user.active else "  disabled"
        print(f"{user.id}\t{user.login}\t{user.name}\t{user.branch}\t{user.role}\t{telephones}{state}")


def _password(args: argparse.Namespace, room: Accounts, settings: Settings) -> None:
    user = find(room, args.login)
    room.set_password(user.id, _ask_password(args))
    print(f"{user.login} has a new password; all their sessions have ended")


def _set_active(args: argparse.Namespace, room: Accounts, settings: Settings) -> None:
    user = find(room, args.login)
    room.set_active(user.id, args.active)
    print(f"{user.login} is {'enabled' if args.active else 'disabled, and signed out everywhere'}")


def _role(args: argparse.Namespace, room: Accounts, settings: Settings) -> None:
    user = find(room, args.login)
    room.set_role(user.id, args.role)
    print(f"{user.login} is {args.role} now")


def _second_factor(args: argparse.Namespace, room: Accounts, settings: Settings) -> None:
    if args.login is None:
        if args.reset:
            raise YobirinError("Name whose second factor is to be reset: cti user second-factor LOGIN --reset")
        on = room.second_factors.on()
        for user in room.users():
            if user.id in on:
                print(f"{user.login}\tsince {datetime.fromtimestamp(on[user.id]).astimezone():%Y-%m-%d %H:%M %Z}")
        return
    user = find(room, args.login)
    if not args.reset:
        print(f"{user.login} has {'a' if user.id in room.second_factors.on() else 'no'} second factor")
        return
    room.second_factors.reset(user.id)
    print(f"{user.login} has no second factor now; all their sessions have ended")


def _roles(args: argparse.Namespace, room: Accounts, settings: Settings) -> None:
    if args.name is not None:
        room.put_role(_changed_role(args, {role.name: role for role in room.roles()}))
    elif args.span is not None or args.classes is not None or args.rights is not None:
        raise YobirinError("Name the role that --span, --classes and --rights are for: cti user roles NAME --span ...")
    for role in room.roles():
        if args.name in (None, role.name):
            classes = ",".join(map(str, sorted(role.classes))) or "none"
            rights = ",".join(right for right in RIGHTS if right in role.rights) or "none"
            print(f"{role.name}\tspan {role.span}\tclasses {classes}\trights {rights}")


def _changed_role(args: argparse.Namespace, known: dict[str, Role]) -> Role:
    role = known.get(args.name)
    if role is None:
        if args.span is None or args.classes is None or args.rights is None:
            raise YobirinError(f"There is no role “{args.name}”; to add it, give --span, --classes and --rights")
        role = Role(args.name, Span.OWN, frozenset(), frozenset())
    if args.span is not None:
        role = replace(role, span=Span(args.span))
    if args.classes is not None:
        classes = words(args.classes)
        if not all(word.isdigit() for word in classes):
            raise YobirinError(f"--classes takes numbers from 1 to 3 with commas between them, not “{args.classes}”")
        role = replace(role, classes=frozenset(map(int, classes)))
    if args.rights is not None:
        role = replace(role, rights=cast("frozenset[Right]", frozenset(words(args.rights))))  # put_role checks them
    return role


def _extension(args: argparse.Namespace, room: Accounts, settings: Settings) -> None:
    user = find(room, args.login)
    exchange, extension = _extension_of(f"{args.exchange}:{args.extension}", settings)
    if args.take:
        if (exchange, extension) not in user.extensions:
            raise NotFound(f"Extension {extension} of exchange {exchange} is not that of {user.login}")
        room.take_extension(exchange, extension)
        print(f"Extension {extension} of exchange {exchange} is nobody's now")
    else:
        room.give_extension(exchange, extension, user.id)
        print(f"Extension {extension} of exchange {exchange} is that of {user.login} now")
    _say_who_sits_there(room, exchange, extension, user.id)


def _say_who_sits_there(room: Accounts, exchange: str, extension: str, owner: str | None) -> None:
    seat = room.sits_at(exchange, extension)
    if seat is not None and seat.user != owner:
        until = datetime.fromtimestamp(seat.until).astimezone()
        print(f"{seat.user} took it for the day and has its calls until {until:%H:%M %Z}, or until they leave it")


def _telephone(args: argparse.Namespace, room: Accounts, settings: Settings) -> None:
    exchange, extension = _extension_of(f"{args.exchange}:{args.extension}", settings)
    room.common_extension(exchange, extension, shared=args.shared)
    kind = "a shared telephone" if args.shared else "free for who takes it for the day"
    print(f"Extension {extension} of exchange {exchange} is {kind} now")
    _say_who_sits_there(room, exchange, extension, None)


def find(room: Accounts, login: str) -> User:
    """A user by login, or by id."""
    for user in room.users():
        if login_key(login) == user.login or login == user.id:
            return user
    raise NotFound(f"There is no user “{login}”; cti user list shows them")


def _extension_of(text: str, settings: Settings) -> tuple[str, str]:
    exchange, colon, extension = text.partition(":")
    known = [one.id for one in settings.exchanges]
    if not colon or not extension:
        raise YobirinError(f"“{text}” names no extension; write EXCHANGE:EXTENSION, such as hq:2001")
    if exchange not in known:
        raise YobirinError(f"There is no exchange “{exchange}”; the settings have {', '.join(known) or 'none'}")
    return exchange, extension


def words(text: str) -> list[str]:
    """What stands between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def _ask_password(args: argparse.Namespace) -> str:
    if args.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise YobirinError("There is no terminal to ask for the password at; pipe it in and give --password-stdin")
    first = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != first:
        raise YobirinError("The two passwords differ; nothing was changed")
    return first
