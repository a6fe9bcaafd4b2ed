"""Tables of signing in: second factors, API tokens. Part of ``schema``."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Integer, Table, Text

from cti_adapters.storage.columns import metadata, moment, text

second_factors = Table(
    "second_factors",
    metadata,
    Column("user", ForeignKey("users.id"), primary_key=True),
    text("sealed"),  # the app's secret, encrypted with the key in the folder of secrets
    moment("since", nullable=True),  # null: being set up
    Column("last_step", Integer, nullable=False, server_default="0", default=0),  # the latest 30 seconds used
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user", ForeignKey("users.id"), primary_key=True),
    Column("key", Text, primary_key=True),  # SHA-256 of an unused code, hexadecimal
)

half_signins = Table(
    "half_signins",
    metadata,
    Column("token_hash", Text, primary_key=True),  # of a sign-in whose password was right: no session
    Column("user", ForeignKey("users.id"), nullable=False, index=True),
    text("step"),  # code | set-up
    moment("expires"),
    text("address"),
)

stand_ins = Table(
    "stand_ins",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("absent", ForeignKey("users.id"), nullable=False, index=True),
    Column("user", ForeignKey("users.id"), nullable=False, index=True),
    moment("since"),
    moment("until"),
    text("note"),
    Column("made_by", Text),  # null: on the command line
    moment("made_at"),
    moment("ended_at", nullable=True),  # null: it lasts until its end
    Column("ended_by", Text),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # SHA-256 of the token's text, hexadecimal
    Column("user", ForeignKey("users.id"), nullable=False, index=True),
    text("name"),
    Column("scopes", JSON, nullable=False),  # calls | customers | report | audit | live
    moment("created"),
    moment("expires"),
    Column("made_by", Text),  # null: on the command line
    moment("used", nullable=True),
    moment("ended", nullable=True),  # null: not revoked
)
