"""The entries of the trail are bound to each other, and to be sealed"""

from __future__ import annotations

import json
import os
from typing import Any

import sqlalchemy as sa
from alembic import op

from cti_server.audit.chain import SALT_BYTES, Appending, Head, start

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

LOT = 10_000


def upgrade() -> None:
    """Applies this version."""
    _tables()
    for column in (
        sa.Column("chain", sa.Integer()),
        sa.Column("position", sa.Integer()),
        sa.Column("salt", sa.LargeBinary()),
        sa.Column("personal", sa.LargeBinary()),
        sa.Column("digest", sa.LargeBinary()),
    ):
        op.add_column("audit", column)
    _bind(op.get_bind())
    with op.batch_alter_table("audit") as table:
        table.alter_column("chain", existing_type=sa.Integer(), nullable=False)
        table.alter_column("position", existing_type=sa.Integer(), nullable=False)
        table.alter_column("digest", existing_type=sa.LargeBinary(), nullable=False)
    op.create_index("uq_audit_place", "audit", ["chain", "position"], unique=True)
    for statement in _POSTGRES if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


def _tables() -> None:
    op.create_table(
        "audit_chains",
        sa.Column("chain", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), server_default="0", nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_audit_chains")),
    )
    op.create_table(
        "seals",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("heads", sa.JSON(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_seals")),
    )


def _bind(connection: sa.Connection) -> None:
    """The entries that are there, in their order, become the first chain."""
    new = sa.text("INSERT INTO audit_chains (length, digest) VALUES (0, :digest) RETURNING chain")
    number = int(connection.execute(new, {"digest": b""}).scalar_one())
    chain = Appending(Head(number, 0, start(number)), b"")
    said = sa.text(
        'SELECT id, at, "user", act, subject_kind, subject_id, customer_code, CAST(detail AS TEXT) AS detail '
        "FROM audit WHERE id > :after ORDER BY id LIMIT :lot"
    )
    bound = sa.text(
        "UPDATE audit SET chain = :chain, position = :position, salt = :salt, digest = :digest WHERE id = :id"
    )
    after = -(2**31)
    while rows := connection.execute(said, {"after": after, "lot": LOT}).mappings().all():
        chain = Appending(Head(number, chain.length, chain.digest), os.urandom(SALT_BYTES * len(rows)))
        values: list[dict[str, Any]] = []
        for row in rows:
            linked = chain.put({**row, "detail": json.loads(row["detail"])})
            values.append({"chain": number, "id": row["id"], **linked._asdict()})
        connection.execute(bound, values)
        after = rows[-1]["id"]
    end = sa.text("UPDATE audit_chains SET length = :length, digest = :digest WHERE chain = :chain")
    ends = {"chain": number, "length": chain.length, "digest": chain.digest if chain.length else b""}
    connection.execute(end, ends)


_SQLITE = (
    "CREATE TRIGGER audit_stays BEFORE DELETE ON audit "
    "BEGIN SELECT RAISE(ABORT, 'entries of the trail are never removed'); END",
    """CREATE TRIGGER audit_as_it_was BEFORE UPDATE ON audit
    WHEN NOT (NEW.id IS OLD.id AND NEW.at IS OLD.at AND NEW.user IS OLD.user AND NEW.act IS OLD.act
        AND NEW.subject_kind IS OLD.subject_kind AND (NEW.subject_id IS OLD.subject_id OR OLD.subject_kind = 'customer')
        AND NEW.chain IS OLD.chain AND NEW.position IS OLD.position AND NEW.digest IS OLD.digest
        AND OLD.salt IS NOT NULL AND NEW.salt IS NULL AND NEW.personal IS NOT NULL)
    BEGIN SELECT RAISE(ABORT, 'entries of the trail are never changed'); END""",
)
_POSTGRES = (
    """CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND NEW.id = OLD.id AND NEW.at = OLD.at AND NEW."user" IS NOT DISTINCT FROM OLD."user"
            AND NEW.act = OLD.act AND NEW.subject_kind = OLD.subject_kind
            AND (NEW.subject_id = OLD.subject_id OR OLD.subject_kind = 'customer')
            AND NEW.chain = OLD.chain AND NEW.position = OLD.position AND NEW.digest = OLD.digest
            AND OLD.salt IS NOT NULL AND NEW.salt IS NULL AND NEW.personal IS NOT NULL THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'entries of the trail are never changed or removed';
    END $$""",
    "CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_kept()",
)
