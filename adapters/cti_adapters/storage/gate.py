"""The gate: the scope rule of ``cti_server.shared.scope`` as SQL, put into every query of a unit of work.

Hooks hold it. ``do_orm_execute`` adds the rule to every labelled class of a statement (select, get, lazy load, count,
exists, bulk update and delete) and refuses what is not ORM. ``before_flush`` asks ``Scope.admits`` for every new,
changed or deleted labelled row. Core statements reach the tables only through :func:`system`, which is for the
product's own work within the transaction of a user (moving labels along with a customer).

A property test holds the SQL and the Python rule together (tests/adapters/test_gate.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, Protocol, cast

from sqlalchemy import (
    Connection,
    Integer,
    Select,
    Table,
    Text,
    and_,
    event,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.orm import LoaderCriteriaOption, ORMExecuteState, Session, UOWTransaction
from sqlalchemy.orm.interfaces import CriteriaOption
from sqlalchemy.sql.elements import ColumnElement

from cti_adapters.storage import (
    audit_chain,
    compliance_rows,
    mapping,
    mapping_erasing,
    mapping_phases,
    mapping_questionnaires,
    mapping_review,
    mapping_usage,
    schema_compliance,
    schema_erasing,
    schema_phases,
    schema_questionnaires,
    schema_review,
    schema_usage,
)
from cti_adapters.storage.schema import (
    audit,
    calls,
    corrections,
    customer_numbers,
    customers,
    deliveries,
    dials,
    drafts,
    history,
    history_calls,
    items,
    mails,
    sights,
    taken,
)
from cti_server.shared.errors import NotAllowed
from cti_server.shared.scope import Kind, Label, Scope, Span

INTERNAL: Final = 0
UNREGISTERED: Final = 9


def tier(kind: Kind, confidentiality: int | None) -> int:
    """Where a label stands in the indexes of ``sights``: the class of a customer, else one value per kind."""
    if kind == "customer":
        return confidentiality or UNREGISTERED - 1  # a customer without a class is seen by nobody
    return INTERNAL if kind == "internal" else UNREGISTERED


def tiers(scope: Scope) -> list[int]:
    """The tiers of which a scope may see at least something."""
    if scope.everything:
        return [INTERNAL, 1, 2, 3, UNREGISTERED]
    return [INTERNAL, *sorted(scope.classes), *([UNREGISTERED] if scope.unregistered else [])]


def sight_rule(scope: Scope, table: Table = sights) -> ColumnElement[bool]:
    """``Scope.admits`` over the columns of ``sights``, or of another table that carries labels as it does."""
    if scope.everything:
        return true()
    tier_, branch = _filter(table.c.tier), _filter(table.c.branch)
    rep = _filter(table.c.rep)
    named = and_(_among(tier_, [INTERNAL, *sorted(scope.classes)]), _spanned(scope, branch, rep))
    named = or_(named, *_standing_in(scope, rep, tier_))
    if not scope.unregistered:
        return named
    nobody = _among(tier_, [UNREGISTERED])
    return or_(named, nobody if scope.span is Span.ALL else and_(nobody, branch == scope.branch))


def customer_rule(scope: Scope) -> ColumnElement[bool]:
    """``Scope.admits`` over the columns of ``customers``."""
    if scope.everything:
        return true()
    class_, rep = _filter(customers.c.confidentiality), _filter(customers.c.rep)
    own = and_(_among(class_, sorted(scope.classes)), _spanned(scope, _filter(customers.c.branch), rep))
    return or_(own, *_standing_in(scope, rep, class_))


def _filter(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column in a form that no index holds. The rule only filters: which index a statement runs over is for the
    statement to say (a key, or one of :func:`ranges`). Left to itself, the database would now and then run over the
    rule's columns, which is the whole table for a wide span."""
    return column.concat(_word("")) if isinstance(column.type, Text) else column + literal_column("0", Integer)


# What is the same in every statement of a rule stands in its text: a parameter would be carried along with each one.


def _word(word: str) -> ColumnElement[Any]:
    """A word of ours."""
    assert word.isalpha() or not word
    return literal_column(f"'{word}'", Text)


def _among(column: ColumnElement[Any], numbers: Sequence[int]) -> ColumnElement[bool]:
    """Whether the column is one of some numbers; no row is one of none."""
    return column.in_([literal_column(str(int(number)), Integer) for number in numbers]) if numbers else false()


def ranges(scope: Scope, table: Table = sights) -> list[ColumnElement[bool]]:
    """The rule over ``sights`` as index ranges that together cover it: each is an equality on the leading columns of
    one index (rep or branch, then tier), so that the newest rows of each cost the same in a table of any size. The
    same for another ``table`` that carries labels and such indexes.

    Ranges overlap (own customers of the own branch). The gate still adds the rule; these only choose the index.
    """
    if scope.everything or scope.span is Span.ALL:
        return [table.c.tier == one for one in tiers(scope)]
    found: list[ColumnElement[bool]] = []
    for one in tiers(scope):
        if one == UNREGISTERED or scope.span is Span.BRANCH:
            found.append(and_(table.c.branch == scope.branch, table.c.tier == one))
        if one != UNREGISTERED:
            found.append(and_(table.c.rep == scope.user, table.c.tier == one))
    return [*found, *_standing_in(scope, table.c.rep, table.c.tier)]


def customer_ranges(scope: Scope) -> list[ColumnElement[bool]]:
    """The rule over ``customers`` as index ranges, each sorted by (kana_key, code) within its index."""
    if scope.everything:
        return [customers.c.confidentiality == one for one in (1, 2, 3)]
    found: list[ColumnElement[bool]] = []
    for one in sorted(scope.classes):
        in_class = customers.c.confidentiality == one
        if scope.span is Span.ALL:
            found.append(in_class)
            continue
        if scope.span is Span.BRANCH:
            found.append(and_(customers.c.branch == scope.branch, in_class))
        found.append(and_(customers.c.rep == scope.user, in_class))
    if scope.span is not Span.ALL:
        found += _standing_in(scope, customers.c.rep, customers.c.confidentiality)
    return found


def customer_counts(scope: Scope) -> list[Select[int]]:
    """Statements whose sum is the number of customers of a scope: one per range, each without those before it."""
    found: list[Select[int]] = []
    before: list[ColumnElement[bool]] = []
    for part in customer_ranges(scope):
        found.append(
            select(func.count()).select_from(customers).where(part, customer_rule(scope), ~or_(false(), *before))
        )
        before.append(part)
    return found


def open_calls_count(scope: Scope) -> Select[int]:
    """How many calls of a scope are open."""
    return select(func.count(sights.c.call_id.distinct())).where(sights.c.open, sight_rule(scope))


def _spanned(scope: Scope, branch: ColumnElement[Any], rep: ColumnElement[Any]) -> ColumnElement[bool]:
    if scope.span is Span.ALL:
        return true()
    own = rep == scope.user
    return or_(branch == scope.branch, own) if scope.span is Span.BRANCH else own


def standing_in(scope: Scope, row: Any) -> list[ColumnElement[bool]]:
    """The sights of whom the user stands in for, one range each. ``row``: the class of sights, or an alias."""
    return _standing_in(scope, row.rep, row.tier)


def _standing_in(scope: Scope, rep: ColumnElement[Any], class_: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    """``Scope.stands_in``, one range each."""
    return [and_(rep == user, class_ == one) for user, one in sorted(scope.stands_in) if one in scope.classes]


def _sight_of(scope: Scope, link: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a sight that ``link`` points to is admitted."""
    return exists(select(1).select_from(sights).where(link, sight_rule(scope)).correlate_except(sights))


def _all_sights_of(scope: Scope, link: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether every sight that ``link`` points to is admitted: what somebody wrote may be about any of them."""
    hidden = sight_rule(scope).is_not(True)
    return ~exists(select(1).select_from(sights).where(link, hidden).correlate_except(sights))


def _customer_of(scope: Scope, code: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists(
        select(1)
        .select_from(customers)
        .where(customers.c.code == code, customer_rule(scope))
        .correlate_except(customers)
    )


def _about(scope: Scope, code: ColumnElement[Any], otherwise: ColumnElement[bool]) -> ColumnElement[bool]:
    """The rule for what names a customer, or else hangs on something that carries labels."""
    return or_(_customer_of(scope, code), and_(code.is_(None), otherwise))


def _rules(scope: Scope) -> dict[type[Any], ColumnElement[bool]]:
    """The rule of every labelled class."""
    of_calls = exists(
        select(1)
        .select_from(history_calls.join(sights, sights.c.call_id == history_calls.c.call_id))
        .where(history_calls.c.history_id == history.c.id, sight_rule(scope))
        .correlate_except(history_calls, sights)
    )
    exempted = sights.c.call_id == schema_compliance.exemptions.c.call_id
    subject = audit.c.subject_kind
    audited = or_(
        and_(subject == _word("call"), _sight_of(scope, sights.c.call_id == audit.c.subject_id)),
        and_(subject == _word("customer"), _customer_of(scope, audit.c.subject_id)),
        # What is about neither, as sign-ins and exports: one's own; everybody's for who sees all customers and callers.
        and_(
            subject.not_in([_word("call"), _word("customer")]),
            true() if scope.sees_everybody else audit.c.user == scope.user,
        ),
    )
    return {
        mapping.Sight: sight_rule(scope),
        mapping.Call: _sight_of(scope, sights.c.call_id == calls.c.id),
        mapping.Item: _sight_of(scope, sights.c.item_id == items.c.id),
        mapping.Customer: customer_rule(scope),
        mapping.CustomerNumber: _customer_of(scope, customer_numbers.c.customer_code),
        mapping.History: _about(scope, history.c.customer_code, of_calls),
        mapping.HistoryCall: _sight_of(scope, sights.c.call_id == history_calls.c.call_id),
        mapping.Mail: _about(scope, mails.c.customer_code, _sight_of(scope, sights.c.call_id == mails.c.call_id)),
        mapping.Dial: _about(scope, dials.c.customer_code, _sight_of(scope, sights.c.call_id == dials.c.call_id)),
        mapping.Claim: sight_rule(scope, schema_review.claims),
        mapping_review.RequestRow: and_(
            sight_rule(scope, schema_review.requests),
            _sight_of(scope, sights.c.call_id == schema_review.requests.c.call_id),
        ),
        compliance_rows.StandingRow: sight_rule(scope, schema_compliance.standings),
        compliance_rows.CoverageRow: sight_rule(scope, schema_compliance.coverage),
        compliance_rows.ExemptionRow: and_(
            _sight_of(scope, exempted),
            or_(schema_compliance.exemptions.c.asked_by == scope.user, _all_sights_of(scope, exempted)),
        ),
        mapping.Correction: _sight_of(scope, sights.c.call_id == corrections.c.call_id),
        mapping.Delivery: _sight_of(scope, sights.c.call_id == deliveries.c.call_id),
        mapping.Draft: and_(drafts.c.user == scope.user, _sight_of(scope, sights.c.item_id == drafts.c.item_id)),
        mapping.Taken: taken.c.user == scope.user,
        mapping_erasing.ErasureRow: sight_rule(scope, schema_erasing.erasures),
        mapping_erasing.HoldRow: _customer_of(scope, schema_erasing.holds.c.customer_code),
        mapping_usage.ReadingRow: _customer_of(scope, schema_usage.usage_readings.c.customer_code),
        **_phase_rules(scope),
        mapping.Audit: and_(audited, or_(audit.c.customer_code.is_(None), _customer_of(scope, audit.c.customer_code))),
    }


def _phase_rules(scope: Scope) -> dict[type[Any], ColumnElement[bool]]:
    """Of the phases room: a deal is seen like its customer; sums by the branch and class of the customers in them."""
    t = schema_phases

    def of_deal(link: ColumnElement[Any]) -> ColumnElement[bool]:
        seen = sight_rule(scope, t.deals)
        return exists(select(1).select_from(t.deals).where(t.deals.c.id == link, seen).correlate_except(t.deals))

    drafts_ = t.deal_drafts.c

    def of_sums(columns: Any) -> ColumnElement[bool]:
        spans = {Span.ALL: true(), Span.BRANCH: columns.branch == scope.branch, Span.OWN: false()}
        return and_(_among(columns.tier, sorted(scope.classes)), spans[scope.span])

    return {
        mapping_phases.DealRow: sight_rule(scope, t.deals),
        mapping_phases.StepRow: of_deal(t.deal_steps.c.deal_id),
        mapping_phases.AnswerRow: of_deal(t.deal_answers.c.deal_id),
        mapping_phases.DealDraft: and_(drafts_.user == scope.user, of_deal(drafts_.deal_id)),
        mapping_phases.ActionRow: of_deal(t.deal_actions.c.deal_id),
        mapping_phases.ValueRow: of_deal(t.deal_values.c.deal_id),
        mapping_phases.ChoiceRow: of_deal(t.deal_choices.c.deal_id),
        mapping_questionnaires.QuestionnaireRow: of_deal(schema_questionnaires.questionnaires.c.deal_id),
        mapping_questionnaires.GivenRow: of_deal(schema_questionnaires.questionnaire_answers.c.deal_id),
        mapping_phases.TallyRow: of_sums(t.phase_tallies.c),
        mapping_phases.ProposalLineRow: of_sums(t.proposal_lines.c),
        mapping_phases.TrialSumRow: of_sums(t.trial_sums.c),
    }


class Refused(RuntimeError):
    """The program tried to go round the gate. A fault of the program, not of its user."""


class _Labelled(Protocol):
    label: Label


class GatedSession(Session):
    """A session that hands out nothing beyond its scope."""

    def __init__(self, bind: Any, scope: Scope) -> None:
        super().__init__(bind=bind, autoflush=True, expire_on_commit=False)
        self.scope: Final = scope
        self._rules: Final = None if scope.everything else _rules_of(scope)
        self.before_writing: Callable[[], None] = lambda: None

    def connection(self, *args: Any, **more: Any) -> Connection:
        """The bare connection, which no rule reaches: only for the server's own work."""
        if not self.scope.everything:
            raise Refused(
                "A unit of work of a user has no bare connection; ask the gate's system() for the server's own work"
            )
        return super().connection(*args, **more)


class _Rules(CriteriaOption):
    """The rules of a scope as one option of a statement: each as ``with_loader_criteria`` has it, with aliases.

    SQLAlchemy finds a compiled statement again by a key of all its parts. It would walk through all rules for each
    statement, which takes longer than most statements do: rules never change, so they are walked through once. Their
    parameters still stand in every key, as SQLAlchemy wants them.
    """

    propagate_to_loaders = True
    _cache_key_traversal = []  # noqa: RUF012 - how SQLAlchemy declares it; `_gen_cache_key` is what is asked

    def __init__(self, rules: Mapping[type[Any], ColumnElement[bool]]) -> None:
        self._each = [LoaderCriteriaOption(row, rule, include_aliases=True) for row, rule in rules.items()]
        self._walked: tuple[tuple[Any, ...], list[Any]] | None = None

    def process_compile_state(self, compile_state: Any) -> None:
        """Puts the rules into a statement that is compiled."""
        for one in self._each:
            one.process_compile_state(compile_state)

    def process_compile_state_replaced_entities(self, compile_state: Any, mapper_entities: Any) -> None:
        """The same where a statement's columns were replaced by others."""
        self.process_compile_state(compile_state)

    def get_global_criteria(self, attributes: dict[str, Any]) -> None:
        """Puts the rules beside those that hold for whatever a statement loads."""
        for one in self._each:
            one.get_global_criteria(attributes)

    def _gen_cache_key(self, anon_map: Any, bindparams: list[Any]) -> Any:
        """The rules' part of the key; ``bindparams``: the parameters of the whole, in order."""
        if self._walked is None:
            ours: list[Any] = []
            seen = type(anon_map)()
            keys = [one._gen_cache_key(seen, ours) for one in self._each]
            if None in keys:
                raise Refused("A rule of the gate has to be a statement that SQLAlchemy can keep")
            self._walked = ((type(self), *keys), ours)
        key, parameters = self._walked
        bindparams.extend(parameters)
        return key


@lru_cache(maxsize=1024)
def _rules_of(scope: Scope) -> _Rules:
    """The rules of a scope; the same scope's are made once, since that takes as long as a query. The user and the
    branch are one parameter each in all of them. Nothing outside may hold these parameters: SQLAlchemy keeps compiled
    statements by their shape, and would take another statement's value for them."""
    user, branch = literal(scope.user, Text), literal(scope.branch, Text)
    return _Rules(_rules(replace(scope, user=cast(str, user), branch=cast(str, branch))))


def ruled(statement: Select[Any], scope: Scope) -> Select[Any]:
    """The statement with the rule of a scope in it, as `_add_rule` puts it into one of a session; for those that are
    kept (kept.py)."""
    return statement if scope.everything else statement.options(_rules_of(scope))


def system(session: GatedSession, *, writes: bool = True) -> Connection:
    """The connection of the same transaction for the server's own work, past the gate. What it reads must not reach
    the user: it moves labels, matches calls, keeps counts. Changes that wait in the session are flushed first. Without
    ``writes`` it only reads, and holds nobody up."""
    session.flush()
    if writes:
        session.before_writing()
    return Session.connection(session)


@event.listens_for(GatedSession, "do_orm_execute")
def _add_rule(state: ORMExecuteState) -> None:
    session = cast(GatedSession, state.session)
    if state.is_insert or state.is_update or state.is_delete:
        session.before_writing()
        if state.bind_mapper is not None and state.bind_mapper.class_ is mapping.Audit:
            raise Refused(_APPEND_ONLY)
    if session._rules is None:
        return
    if not state.is_orm_statement:
        raise Refused("Only ORM statements pass the gate; this one is not, so that no rule would reach it")
    if state.is_insert:
        raise Refused(
            "Rows of a user's unit of work are added to the session, so that the gate can ask each for its label"
        )
    state.statement = state.statement.options(session._rules)


@event.listens_for(GatedSession, "before_flush")
def _ask_rule(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    gated = cast(GatedSession, session)
    changed = [row for row in session.dirty if session.is_modified(row)]
    if session.new or changed or session.deleted:
        gated.before_writing()
    if any(isinstance(row, mapping.Audit) for row in (*changed, *session.deleted)):
        raise Refused(_APPEND_ONLY)
    if not gated.scope.everything:
        for row in [*session.new, *changed, *session.deleted]:
            label = getattr(row, "label", None)
            if label is not None and not gated.scope.admits(label):
                raise NotAllowed(
                    "This would lie outside what you may see; ask somebody whose role reaches that far to do it"
                )
    entries = [row for row in session.new if isinstance(row, mapping.Audit)]
    if entries:
        audit_chain.bind_new(Session.connection(gated), entries)


_APPEND_ONLY: Final = "Entries of the trail are only ever added, each to the session, so that it is bound to its chain"


def nothing() -> ColumnElement[bool]:
    """A condition that no row meets."""
    return false()
