"""The telephones of the fake desk: the real shelf over a small database in memory."""

from __future__ import annotations

from sqlalchemy import StaticPool, create_engine

from cti_adapters.storage import mapping
from cti_adapters.storage.gate import GatedSession
from cti_adapters.storage.schema import metadata
from cti_adapters.storage.telephones import TelephoneShelf
from cti_server.shared.scope import EVERYTHING


def fake_telephones(now: float) -> TelephoneShelf:
    """Six extensions of two exchanges: own, free, shared, and one at which a colleague sits; one that nobody entered
    rang lately."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(engine)
    session = GatedSession(engine, EVERYTHING)
    session.add_all(
        [
            mapping.Branch(code="121", name="本店営業部", timezone="Asia/Tokyo"),
            mapping.Branch(code="122", name="横浜支店", timezone="Asia/Tokyo"),
            mapping.Role(name="rep", span="own", classes=[1, 2, 3], rights=["handle"]),
            mapping.Exchange(id="hq", name="本店 PBX", branch="121"),
            mapping.Exchange(id="yokohama", name="横浜 PBX", branch="122"),
        ]
    )
    session.flush()
    for user, name, kana in (
        ("801", "山田 太郎", "ヤマダ タロウ"),
        ("802", "佐藤 美咲", "サトウ ミサキ"),
        ("803", "高橋 健", "タカハシ ケン"),
    ):
        session.add(mapping.User(id=user, login=user, name=name, kana=kana, branch="121", role="rep"))
    session.flush()
    for exchange, extension, owner, shared in (
        ("hq", "2104", "801", False),
        ("hq", "2105", "802", False),
        ("hq", "2106", None, False),
        ("hq", "2107", None, False),
        ("hq", "2110", None, True),
        ("yokohama", "2104", "803", False),
    ):
        session.add(mapping.Extension(exchange=exchange, extension=extension, user=owner, shared=shared, since=0.0))
    seat = {"exchange": "hq", "extension": "2106", "day": True, "at_sign_out": False, "ended_why": ""}
    session.add_all(
        [
            mapping.Seat(**seat | {"user": "803", "since": now - 6_000, "until": now + 26_000}),
            mapping.Seat(
                **seat
                | {
                    "user": "802",
                    "since": now - 95_000,
                    "until": now - 60_000,
                    "ended_at": now - 70_000,
                    "ended_why": "signed-out",
                    "ended_by": "802",
                }
            ),
        ]
    )
    session.add(_rang(now))
    session.commit()
    return TelephoneShelf(session)


def _rang(now: float) -> mapping.Call:
    lists: dict[str, list[str]] = {
        name: [] for name in ("attempted_extensions", "ringing_extensions", "transferred_to", "linkedids", "marks")
    }
    values = {"id": "hq-1.1", "exchange": "hq", "branch": "121", "direction": "in", "state": "ended"}
    return mapping.Call(**values, **lists, started_at=now - 900, rang_extensions=["2119"], open=False, handled=False)
