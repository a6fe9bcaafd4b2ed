"""``cti token``: the API tokens with which programs read in a user's name (spec/50, docs/api.md)."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any

from cti_server.commands.users import action, find, words
from cti_server.identity.desk import Accounts
from cti_server.identity.token_ports import ApiToken
from cti_server.identity.tokens import LONGEST_DAYS, SCOPES
from cti_server.settings import Settings
from cti_server.shared.errors import NotFound


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser("token", help="look after the API tokens of programs")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")

    one = action(actions, "add", "make a token for a user and print it, this once", _add)
    one.add_argument("login", help="in whose name the program reads")
    one.add_argument("--name", required=True, help="what will use it")
    one.add_argument("--scopes", required=True, metavar="SCOPE,...", help=f"what it may read: {', '.join(SCOPES)}")
    one.add_argument("--days", type=int, default=90, help=f"how long, at most {LONGEST_DAYS} (default: %(default)s)")

    one = action(actions, "list", "list the tokens that were not revoked", _list)
    one.add_argument("login", nargs="?", help="whose (default: everybody's)")

    one = action(actions, "revoke", "end a token, at once", _revoke)
    one.add_argument("login")
    one.add_argument("name")


def _add(args: argparse.Namespace, room: Accounts, settings: Settings) -> None:
    user = find(room, args.login)
    text, _token = room.tokens.make(user.id, args.name, words(args.scopes), args.days)
    print(text)


def _list(args: argparse.Namespace, room: Accounts, settings: Settings) -> None:
    logins = {user.id: user.login for user in room.users()}
    whose = find(room, args.login).id if args.login else None
    for token in room.tokens.all():
        if whose in (None, token.user):
            used = f"used {_day(token.used)}" if token.used else "never used"
            print(f"{logins[token.user]}\t{token.name}\t{','.join(token.scopes)}\tuntil {_day(token.expires)}\t{used}")


def _revoke(args: argparse.Namespace, room: Accounts, settings: Settings) -> None:
    user = find(room, args.login)
    token: ApiToken | None = next(
        (one for one in room.tokens.all() if (one.user, one.name) == (user.id, args.name)), None
    )
    if token is None:
        raise NotFound(f"{user.login} has no token “{args.name}”; cti token list shows them")
    room.tokens.revoke(token.id, user.id)
    print(f"The token “{token.name}” of {user.login} opens nothing any more")


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M %Z}"
