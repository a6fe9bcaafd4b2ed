"""What the demonstration's database holds at first: branches, people with their extensions, customers and what was done
for them before today."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from cti_adapters.passwords import Argon2
from cti_adapters.storage.accounts import accounts, put_default_roles
from cti_adapters.storage.customer_import import import_customers
from cti_adapters.storage.firm import put_branches
from cti_adapters.storage.schema import history
from cti_adapters.storage.work import Database, writing
from cti_server.commands import demo_weeks
from cti_server.identity.accounts import User
from cti_server.shared.clock import Clock
from cti_server.shared.people import Customer
from cti_server.shared.scope import EVERYTHING
from cti_simulators.people import OFFICES, SEED, Colleague, Firm

PASSWORD = "yobirin-demo"
"""Of everybody in the demonstration, which listens to nobody but this machine."""

_DAY = 86400.0
_ZONE = ZoneInfo("Asia/Tokyo")
_NOTES = {
    "phone": (
        ("満期のご案内。来月あらためてお電話する約束。", "spoke"),
        ("ご不在。ご家族に伝言をお願いした。", "message"),
        ("手数料についてのお問い合わせ。ご説明し、ご納得いただいた。", "spoke"),
        ("相続のご相談。資料を郵送することにした。", "spoke"),
        ("二度お掛けしたが、お出にならなかった。", "no answer"),
    ),
    "mail": (("ご依頼の資料をお送りした。", ""), ("お礼のメールをお送りした。", "")),
    "visit": (("ご自宅に伺い、商品をご説明。ご家族と検討なさるとのこと。", "spoke"),),
}
_BOOKINGS = (
    ("visit booking", "phone", "来週水曜日の午後に訪問のお約束。"),
    ("seminar booking", "phone", "資産運用セミナー（土曜日）をお申し込み。"),
)


class OnePassword(Argon2):
    """Everybody has the same password, so that one hash does for all: twenty would take seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, str] = {}

    def hash(self, password: str) -> str:
        """A salted hash to keep."""
        if password not in self._made:
            self._made[password] = super().hash(password)
        return self._made[password]


COMMON: Final = (("2080", False), ("2081", False), ("2090", True))
"""Extensions that are nobody's: two free ones, to be taken for the day, and a shared one."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A line of what the demonstration prints."""

    login: str
    who: str


def seed(database: Database, firm: Firm, clock: Clock) -> None:
    """Fills an empty database."""
    with writing(database.engine).begin() as connection:
        put_branches(connection, [office.branch for office in OFFICES])
    with database.open(EVERYTHING, write=True) as work:
        put_default_roles(work)
    directory = accounts(database, clock, hasher=OnePassword())
    for colleague in firm.colleagues:
        directory.add_user(_user(colleague, firm), PASSWORD)
    for office in OFFICES:
        for extension, shared in COMMON:
            directory.common_extension(office.exchange, extension, shared=shared)
    done = import_customers(database, _as_file(firm.customers), clock)
    if done.refused:
        raise RuntimeError(f"{done.refused} customers of the demonstration were refused")
    chance = random.Random(SEED)
    records = [record for customer in firm.customers for record in _past(customer, clock.now(), chance)]
    with writing(database.engine).begin() as connection:
        connection.execute(insert(history), records)
    demo_weeks.fill(database, firm, clock.now())


def _as_file(customers: list[Customer]) -> io.StringIO:
    """The customers as a firm hands them over: a CSV file."""
    file = io.StringIO(newline="")
    table = csv.writer(file)
    table.writerow(["code", "name", "kana", "address", "numbers", "mail", "branch", "rep", "class"])
    for one in customers:
        numbers = ";".join(number.shown for number in one.numbers)
        table.writerow(
            [one.code, one.name, one.kana, one.address, numbers, one.mail, one.branch, one.rep, one.confidentiality]
        )
    file.seek(0)
    return file


def sign_ins(firm: Firm) -> list[SignIn]:
    """Who to sign in as, one for each role; two reviewers, since one asks and another decides."""
    chosen = ("801", "802", "800", "811", "900", "901", "980", "985", "990")
    names = {office.branch.code: office.branch.name for office in OFFICES}
    people = {colleague.id: colleague for colleague in firm.colleagues}
    return [
        SignIn(people[each].login, f"{people[each].name}, {people[each].role}, {names[people[each].branch]}")
        for each in chosen
    ]


def _user(colleague: Colleague, firm: Firm) -> User:
    exchange = firm.office(colleague.branch).exchange
    return User(
        id=colleague.id,
        login=colleague.login,
        name=colleague.name,
        kana=colleague.kana,
        branch=colleague.branch,
        role=colleague.role,
        mail=f"{colleague.login}@yobirin.example",
        extensions=[(exchange, colleague.extension)] if colleague.extension else [],
    )


def _past(customer: Customer, now: float, chance: random.Random) -> list[dict[str, Any]]:
    """What was done for a customer in the last half year."""
    made: list[dict[str, Any]] = []
    for _ in range(chance.choices((0, 1, 2, 3, 4), (20, 30, 25, 15, 10))[0]):
        kind, channel = "contact", chance.choices(("phone", "mail", "visit"), (70, 20, 10))[0]
        note, result = chance.choice(_NOTES[channel])
        if chance.random() < 0.12:
            kind, channel, note = chance.choice(_BOOKINGS)
            result = "booked"
        made.append(
            {
                "customer_code": customer.code,
                "kind": kind,
                "channel": channel,
                "result": result,
                "note": note,
                "at": _working_hour(now - chance.uniform(1.0, 180.0) * _DAY, chance),
                "by": customer.rep,
            }
        )
    return made


def _working_hour(at: float, chance: random.Random) -> float:
    """A time of the same day, or of the Friday before, at which somebody works."""
    day = datetime.fromtimestamp(at, _ZONE).replace(hour=9, minute=0, second=0, microsecond=0)
    day -= timedelta(days=max(day.weekday() - 4, 0))
    return day.timestamp() + chance.uniform(0, 9 * 3600)
