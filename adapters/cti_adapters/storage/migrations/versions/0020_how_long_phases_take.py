"""How long deals take for a phase, and targets for it"""

from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this version."""
    op.add_column("phases", sa.Column("target_days", sa.Integer(), nullable=True))
    op.add_column("phase_tallies", sa.Column("timed", sa.Integer(), server_default="0", nullable=False))
    op.add_column("phase_tallies", sa.Column("took", sa.BigInteger(), server_default="0", nullable=False))
    _count()


def _count() -> None:
    """What is known of deals that are there already."""
    connection = op.get_bind()
    way = sa.text("SELECT phase_id, member, at FROM deal_steps WHERE deal_id = :deal ORDER BY place")
    found: dict[tuple[object, ...], list[int]] = defaultdict(lambda: [0, 0])
    for deal in connection.execute(sa.text("SELECT id, source, branch, tier, state, closed_at FROM deals")).all():
        steps = connection.execute(way, {"deal": deal.id}).all()
        ends = [step.at for step in steps[1:]] + [deal.closed_at if deal.state == "won" else None]
        for place, (step, end) in enumerate(zip(steps, ends, strict=True)):
            if end is None or not step.member:
                continue
            lots = [("all", "", 0), ("source", deal.source, 0)]
            lots += [("earlier", one.member, one.phase_id) for one in steps[:place] if one.member]
            for lot in lots:
                cell = found[(step.phase_id, *lot, step.member, deal.branch, deal.tier)]
                cell[0] += 1
                cell[1] += round(end - step.at)
    names = ("phase_id", "kind", "name", "earlier", "member", "branch", "tier")
    where = " AND ".join(f"{name} = :{name}" for name in names)
    change = sa.text(f"UPDATE phase_tallies SET timed = :timed, took = :took WHERE {where}")
    for key, (timed, took) in found.items():
        connection.execute(change, dict(zip(names, key, strict=True)) | {"timed": timed, "took": took})
