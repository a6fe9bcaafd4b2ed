"""Every table of the product, as SQLAlchemy Core. Times are epoch seconds (UTC), lists are JSON, keys are text."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Double, ForeignKey, Index, Integer, LargeBinary, Table, Text, false

from cti_adapters.storage.columns import count, flag, moment, seconds, text, where_set
from cti_adapters.storage.columns import metadata as metadata

# --- the firm -------------------------------------------------------------------------------------------------------

branches = Table(
    "branches",
    metadata,
    Column("code", Text, primary_key=True),
    text("name"),
    Column("timezone", Text, nullable=False, server_default="Asia/Tokyo", default="Asia/Tokyo"),
)

roles = Table(
    "roles",
    metadata,
    Column("name", Text, primary_key=True),
    Column("span", Text, nullable=False),  # own | branch | all
    Column("classes", JSON, nullable=False),  # customer classes within the limit, e.g. [2, 3]
    Column("rights", JSON, nullable=False),  # authorities, see cti_server.identity.accounts.RIGHTS
)

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("login", Text, nullable=False, unique=True),  # NFKC, lower case
    text("name"),
    text("kana"),
    text("mail"),
    Column("branch", ForeignKey("branches.code"), nullable=False),
    Column("role", ForeignKey("roles.name"), nullable=False),
    text("password_hash"),  # empty: nobody can sign in as this user
    Column("language", Text, nullable=False, server_default="ja", default="ja"),
    text("timezone"),  # empty: the branch's
    Column("dial", Text, nullable=False, server_default="pbx", default="pbx"),  # pbx | tel
    Column("preferences", JSON, nullable=False, server_default="{}", default=dict),
    Column("active", Boolean, nullable=False, server_default="1", default=True),
)
Index(None, users.c.branch)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),  # SHA-256 of the cookie's token, hexadecimal
    Column("user", ForeignKey("users.id"), nullable=False, index=True),
    moment("created"),
    moment("seen"),
    moment("expires"),
    text("address"),
)

signin_failures = Table(
    "signin_failures",
    metadata,
    Column("key", Text, primary_key=True),  # "login:<login>" or "address:<address>"
    count("failures"),
    moment("last_at"),
    moment("blocked_until"),
)

extensions = Table(
    "extensions",
    metadata,
    Column("exchange", Text, primary_key=True),
    Column("extension", Text, primary_key=True),
    Column("user", ForeignKey("users.id"), index=True),  # null: nobody's, to be taken for the day, or shared
    flag("shared"),
    seconds("since"),  # since when it is as it is; 0: for as long as anything is known of it
)

seats = Table(
    "seats",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("exchange", Text, nullable=False),
    Column("extension", Text, nullable=False),
    Column("user", ForeignKey("users.id"), nullable=False),
    flag("day"),  # taken for the day; else it was the user's own, and is no more
    moment("since"),
    moment("until"),  # when it is over at the latest
    flag("at_sign_out"),
    moment("ended_at", nullable=True),
    text("ended_why"),  # shared.telephones.Ending
    Column("ended_by", Text),
)
"""Who had an extension when, but for those who have it as their own now: at each moment at most one person sits at an
extension, and a person at one."""
Index("ix_seats_extension", seats.c.exchange, seats.c.extension, seats.c.until)
for _name, _column in (("extension", (seats.c.exchange, seats.c.extension)), ("user", (seats.c.user,))):
    Index(
        f"uq_seats_open_{_name}",
        *_column,
        unique=True,
        sqlite_where=seats.c.ended_at.is_(None),
        postgresql_where=seats.c.ended_at.is_(None),
    )

templates = Table(
    "templates",
    metadata,
    Column("branch", Text, primary_key=True),  # empty: every branch
    Column("language", Text, primary_key=True),
    text("subject"),
    text("body"),
)

# --- customers ------------------------------------------------------------------------------------------------------

customers = Table(
    "customers",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    text("kana"),
    text("address"),
    text("mail"),
    Column("language", Text, nullable=False, server_default="ja", default="ja"),
    Column("branch", Text, nullable=False),
    Column("rep", Text),
    Column("confidentiality", Integer, nullable=False),  # 1 (most confidential) to 3
    text("notes"),
    text("name_key"),  # what searches compare: mapping.search_key(name)
    text("kana_key"),  # mapping.search_key(kana, or name where there is none)
    moment("created_at"),
    count("version", 1),
)
Index("ix_customers_name_key", customers.c.name_key, customers.c.code)
Index("ix_customers_class", customers.c.confidentiality, customers.c.kana_key, customers.c.code)
Index("ix_customers_branch", customers.c.branch, customers.c.confidentiality, customers.c.kana_key, customers.c.code)
Index("ix_customers_rep", customers.c.rep, customers.c.confidentiality, customers.c.kana_key, customers.c.code)

customer_numbers = Table(
    "customer_numbers",
    metadata,
    Column("customer_code", ForeignKey("customers.code", ondelete="CASCADE"), primary_key=True),
    Column("e164", Text, primary_key=True),
    text("shown"),
    Column("kind", Text, nullable=False, server_default="other", default="other"),
    Column("tail", Text, nullable=False),  # cti_server.shared.phone.tail: last eight digits, the last one first
    count("place"),  # order in which they were entered
)
Index("ix_customer_numbers_e164", customer_numbers.c.e164, customer_numbers.c.customer_code)
Index("ix_customer_numbers_tail", customer_numbers.c.tail, customer_numbers.c.customer_code)

not_customers = Table(
    "not_customers",
    metadata,
    Column("e164", Text, primary_key=True),
    Column("branch", Text, primary_key=True),
    Column("by", Text, nullable=False),
    moment("at"),
)

# --- calls ----------------------------------------------------------------------------------------------------------

calls = Table(
    "calls",
    metadata,
    Column("id", Text, primary_key=True),
    Column("exchange", Text, nullable=False),
    Column("branch", Text, nullable=False),  # the exchange's
    Column("direction", Text),  # null where the exchange does not say
    Column("state", Text, nullable=False),
    moment("started_at"),
    Column("caller_number", Text),
    Column("caller_name", Text),
    Column("dialed_number", Text),
    Column("presented_number", Text),
    Column("party_e164", Text),
    Column("party_tail", Text),  # phone.tail(party_e164)
    Column("queue", Text),
    Column("rang_extensions", JSON, nullable=False),
    Column("attempted_extensions", JSON, nullable=False),
    Column("ringing_extensions", JSON, nullable=False),
    Column("talking_extension", Text),
    Column("answered", Boolean, server_default=false(), default=False),  # null: not known, as are these seconds
    Column("answered_by_extension", Text),
    Column("answered_by_number", Text),
    Column("final_extension", Text),
    Column("transferred_to", JSON, nullable=False),
    moment("ringing_at", nullable=True),
    moment("answered_at", nullable=True),
    moment("pbx_answered_at", nullable=True),
    moment("ended_at", nullable=True),
    Column("ended_between", JSON(none_as_null=True)),
    seconds("ring_seconds", nullable=True),
    seconds("wait_seconds", nullable=True),
    seconds("talk_seconds", nullable=True),
    seconds("hold_seconds", nullable=True),
    Column("hangup_by", Text),
    Column("disposition", Text),
    Column("voicemail_left", Boolean),
    flag("fax"),
    Column("recording", Text),
    Column("linkedids", JSON, nullable=False),
    Column("marks", JSON, nullable=False),
    # --- what we make of it; the columns above are the exchange's
    Column("match", Text, nullable=False, server_default="none", default="none"),  # views.Match, best of its candidates
    Column("customer_code", Text),  # the candidate that a person picked, or the only exact one
    Column("receiver", Text),  # user who talked; entered by hand where telephones are shared
    Column("item_id", Integer),
    flag("open"),  # waits for somebody to answer to it
    flag("handled"),
    Column("handled_by", Text),
    moment("handled_at", nullable=True),
    count("version", 1),
)
where_set("ix_calls_party", calls.c.party_e164, calls.c.started_at)
where_set("ix_calls_party_tail", calls.c.party_tail, calls.c.started_at)
Index("ix_calls_branch", calls.c.branch, calls.c.started_at, calls.c.id)
where_set("ix_calls_item", calls.c.item_id)
Index(
    "ix_calls_live",
    calls.c.exchange,
    calls.c.started_at,
    sqlite_where=calls.c.state != "ended",
    postgresql_where=calls.c.state != "ended",
)

sights = Table(
    "sights",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("item_id", Integer),
    Column("kind", Text, nullable=False),  # customer | unregistered | internal
    Column("tier", Integer, nullable=False),  # gate.tier: the class of a customer, 0 internal, 9 unregistered
    Column("customer_code", Text),
    Column("branch", Text, nullable=False),
    Column("rep", Text),
    Column("confidentiality", Integer),
    Column("match", Text, nullable=False),  # exact | probable | none | withheld | internal
    count("rank"),  # order among the candidates of the call
    moment("started_at"),
    Column("direction", Text),
    flag("open"),
    flag("handled"),
)
"""One row per candidate of a call, or one for an unregistered or internal call: the table that lists, counts and
searches run over. ``tier`` stands in every index before the time, so that a list for any span and class limit is a
few index ranges, read from their end (gate.ranges)."""
_IS_OPEN = sights.c.open.is_(True)
Index("ix_sights_call", sights.c.call_id)
where_set("ix_sights_item", sights.c.item_id)
where_set("ix_sights_customer", sights.c.customer_code, sights.c.started_at, sights.c.call_id)
_ORDER = (sights.c.tier, sights.c.started_at, sights.c.call_id)
Index("ix_sights_all", *_ORDER)
Index("ix_sights_branch", sights.c.branch, *_ORDER)
where_set("ix_sights_rep", sights.c.rep, *_ORDER)
# With "open" in them, though it is the same in all their rows: without, such an index costs by SQLite's reckoning what
# the one of all calls costs, and which of the two is taken hangs on the order in which they were made.
_OPEN_ORDER = (sights.c.tier, sights.c.open, sights.c.started_at, sights.c.call_id)
Index("ix_sights_all_open", *_OPEN_ORDER, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN)
Index("ix_sights_branch_open", sights.c.branch, *_OPEN_ORDER, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN)
Index("ix_sights_rep_open", sights.c.rep, *_OPEN_ORDER, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN)

taken = Table(
    "taken",
    metadata,
    Column("user", Text, primary_key=True),
    Column("call_id", Text, primary_key=True),
    moment("started_at"),
    Column("extension", Text, nullable=False),
    seconds("talk_seconds", nullable=True),
)
Index("ix_taken_user", taken.c.user, taken.c.started_at)
Index("ix_taken_call", taken.c.call_id)

items = Table(
    "items",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False),  # who it is about, see call_work.item_key
    Column("branch", Text, nullable=False),
    Column("state", Text, nullable=False),  # open | waiting | done
    Column("kind", Text, nullable=False),  # missed | answered | unregistered | handed
    count("calls"),
    Column("latest_call", Text),
    moment("latest_at"),
    moment("due_at", nullable=True),
    moment("snoozed_until", nullable=True),
    text("snooze_reason"),
    Column("snoozed_by", Text),
    Column("assignee", Text),
    Column("handed_by", Text),  # who gave it to the assignee, and what they wrote
    text("hand_note"),
    Column("customer_code", Text),  # the candidate that was picked
    Column("draft_state", Text, nullable=False, server_default="open", default="open"),  # views.Draft.state
    moment("closed_at", nullable=True),
    count("version", 1),
)
# One open item per caller: the database holds it, so that two writers can't make two.
Index(
    "uq_items_open_key",
    items.c.key,
    unique=True,
    sqlite_where=items.c.state != "done",
    postgresql_where=items.c.state != "done",
)
Index("ix_items_assignee", items.c.assignee, items.c.state, items.c.latest_at)

drafts = Table(
    "drafts",
    metadata,
    Column("item_id", ForeignKey("items.id", ondelete="CASCADE"), primary_key=True),
    Column("user", Text, primary_key=True),
    text("note"),
    Column("mail_to", Text),  # null: not touched, the template's
    Column("subject", Text),
    Column("body", Text),
    Column("language", Text),
    moment("at"),
)
"""What a user typed about an item and has not saved yet: theirs alone, since an item may have candidates that the next
user may not see."""

history = Table(
    "history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("customer_code", Text),  # null: about a caller who is not registered; then its calls carry the labels
    Column("item_id", Integer),
    Column("kind", Text, nullable=False),  # contact | visit booking | seminar booking
    Column("channel", Text, nullable=False),  # phone | mail | visit | other
    text("result"),
    text("note"),
    moment("at"),
    Column("by", Text),  # null: nobody of ours could be told
    Column("behalf", Text),  # for whom "by" stood in
    flag("automatic"),  # made by the product when a call back connected
    flag("undone"),
)
Index("ix_history_customer", history.c.customer_code, history.c.at)
Index("ix_history_item", history.c.item_id)

history_calls = Table(
    "history_calls",
    metadata,
    Column("history_id", ForeignKey("history.id", ondelete="CASCADE"), primary_key=True),
    Column("call_id", Text, primary_key=True, index=True),
)

mails = Table(
    "mails",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", Integer),
    Column("history_id", Integer, index=True),
    Column("customer_code", Text),
    Column("call_id", Text),
    Column("user", Text),
    Column("mail_to", Text, nullable=False),
    text("reply_to"),
    text("subject"),
    text("body"),
    Column("state", Text, nullable=False, server_default="queued", default="queued"),  # queued | sent | failed
    count("tries"),
    text("problem"),
    moment("asked_at"),
    moment("next_try", nullable=True),
    moment("sent_at", nullable=True),
)
Index(
    "ix_mails_queued",
    mails.c.next_try,
    sqlite_where=mails.c.state == "queued",
    postgresql_where=mails.c.state == "queued",
)
Index("ix_mails_item", mails.c.item_id)

dials = Table(
    "dials",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", Integer, index=True),
    Column("call_id", Text),  # the call that is called back
    Column("customer_code", Text),
    Column("user", Text, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("extension", Text, nullable=False),
    Column("number", Text, nullable=False),  # E.164, or as the exchange reported it where there is none
    Column("state", Text, nullable=False, server_default="asked", default="asked"),
    text("reason"),
    Column("made_call", Text),  # the outbound call that came of it
    moment("asked_at"),
    moment("ended_at", nullable=True),
)
Index("ix_dials_number", dials.c.exchange, dials.c.number, dials.c.asked_at)

# --- exchanges ------------------------------------------------------------------------------------------------------

exchanges = Table(
    "exchanges",
    metadata,
    Column("id", Text, primary_key=True),
    text("name"),
    text("kind"),
    text("branch"),
    Column("state", Text, nullable=False, server_default="starting", default="starting"),
    text("reason"),  # stable code that pages translate
    Column("reason_values", JSON, nullable=False, server_default="{}", default=dict),
    moment("since", nullable=True),
    moment("connected_since", nullable=True),
    moment("last_event", nullable=True),
    Column("counters", JSON, nullable=False, server_default="{}", default=dict),
)

exchange_settings = Table(
    "exchange_settings",
    metadata,
    Column("exchange", Text, primary_key=True),
    Column("base", JSON(none_as_null=True)),  # the settings file's entry, as the server read it last
    Column("saved", JSON(none_as_null=True)),  # the entry that a page saved: it wins
    text("secret"),  # name of a file in the folder of secrets; the secret itself is in no table
    Column("paused", Boolean),  # null: as the entry says
    flag("removed"),
    count("version"),
    Column("by", Text),
    moment("at", nullable=True),
    Column("before", JSON(none_as_null=True)),  # saved, secret, paused, removed before the last change
)

exchange_tests = Table(
    "exchange_tests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("exchange", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("by", Text, nullable=False),
    moment("at"),
    Column("settings", JSON, nullable=False),
    text("secret"),
    flag("done"),
    Column("findings", JSON, nullable=False, server_default="{}", default=dict),
)

profiles = Table(
    "profiles",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),  # each saving is one; the highest holds
    moment("at"),
    Column("by", Text, nullable=False),
    Column("source", Text, nullable=False),  # TOML
)
"""Profiles of makes that were saved on a page, with all their versions; those that ship are files."""

refoldings = Table(
    "refoldings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("exchange", Text, nullable=False),
    Column("by", Text, nullable=False),
    moment("at"),
    flag("write"),  # else it only shows what would change
    flag("done"),
    Column("findings", JSON, nullable=False, server_default="{}", default=dict),
)

gaps = Table(
    "gaps",
    metadata,
    Column("exchange", Text, primary_key=True),
    Column("started_at", Double, primary_key=True),
    moment("ended_at", nullable=True),
    text("reason"),
    # What the exchange's own record gave back (calls.call_recovery.GapFetch).
    text("source"),  # csv | table | buffer | empty: nothing to fetch from
    count("recovered"),  # calls that nobody had heard of
    count("completed"),  # calls of which the missing parts were filled in
    count("unread"),
    text("problem"),
    Column("problem_values", JSON, nullable=False, server_default="{}", default=dict),
    moment("fetched_at", nullable=True),
    moment("finished_at", nullable=True),
)
Index("ix_gaps_started", gaps.c.started_at)

unreadable = Table(
    "unreadable",
    metadata,
    Column("exchange", Text, primary_key=True),
    Column("record", Integer, primary_key=True),  # journal offset
    Column("number", Integer, primary_key=True),  # shared.feed.UnreadableBytes.number
    moment("at"),
    text("reason"),
    Column("raw", LargeBinary, nullable=False),
    count("size"),  # bytes that it really had; ``raw`` may be its beginning only
)

corrections = Table(
    "corrections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("call_id", Text, nullable=False, index=True),
    moment("at"),
    Column("by", Text, nullable=False),  # the user; or who ran the command, as this machine knows them
    text("why"),
    Column("what", Text, nullable=False),  # added | changed | taken-away | kept (not in the journal, but worked on)
    Column("fields", JSON, nullable=False, server_default="{}", default=dict),  # column -> [what it was, what it is]
)
"""Final entries of the call log that were corrected (spec C2); whole numbers: to be masked for who need not know."""

lanes = Table(
    "lanes",
    metadata,
    Column("exchange", Text, primary_key=True),
    Column("folded_record", Integer, nullable=False),
    Column("folded_skip", Integer, nullable=False),
    Column("rebuild_record", Integer, nullable=False),
    Column("rebuild_skip", Integer, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("call_id", Text, primary_key=True),
    moment("at"),  # when the screens were first told of it
    Column("told", JSON, nullable=False),  # user -> [when, call | taken | late, when a screen was cut off]
    Column("rang", JSON, nullable=False),  # user -> since when their telephone rang or talked
    Column("away", JSON, nullable=False),  # user -> when it was found that they had no screen open
)
Index("ix_deliveries_at", deliveries.c.at)

# --- between the processes, and the trail ---------------------------------------------------------------------------

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),  # work | dial | mail | exchange_test | session_ended ...
    Column("body", JSON, nullable=False),
    moment("at"),
    moment("done_at", nullable=True),
)
Index(
    "ix_outbox_waiting",
    outbox.c.id,
    sqlite_where=outbox.c.done_at.is_(None),
    postgresql_where=outbox.c.done_at.is_(None),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    moment("at"),
    Column("user", Text),  # null: the server itself
    Column(
        "act", Text, nullable=False
    ),  # matched | told | opened | handled | dialled | mailed | changed | exported ...
    Column("subject_kind", Text, nullable=False),  # call | item | customer | user | session | export ...
    Column("subject_id", Text, nullable=False),
    Column("customer_code", Text),  # the candidate that it names: seen only by those who may see that customer
    Column("detail", JSON, nullable=False, server_default="{}", default=dict),
    # What binds it to the entries before (cti_server/audit/chain.py); written by audit_chain.py only. Triggers refuse
    # every change but an erasure: a migration that makes the table anew has to make them anew too.
    Column("chain", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("salt", LargeBinary),  # null: erased
    Column("personal", LargeBinary),  # the digest of what an erased entry said of a person
    Column("digest", LargeBinary, nullable=False),
)
Index("uq_audit_place", audit.c.chain, audit.c.position, unique=True)
Index("ix_audit_subject", audit.c.subject_kind, audit.c.subject_id, audit.c.id)
Index("ix_audit_user", audit.c.user, audit.c.id)
where_set("ix_audit_customer", audit.c.customer_code)

# --- tables of rooms that have a module of their own ------------------------------------------------------------------

from cti_adapters.storage import schema_audit as schema_audit  # noqa: E402
from cti_adapters.storage import schema_compliance as schema_compliance  # noqa: E402
from cti_adapters.storage import schema_erasing as schema_erasing  # noqa: E402
from cti_adapters.storage import schema_phases as schema_phases  # noqa: E402
from cti_adapters.storage import schema_questionnaires as schema_questionnaires  # noqa: E402
from cti_adapters.storage import schema_review as schema_review  # noqa: E402
from cti_adapters.storage import schema_signin as schema_signin  # noqa: E402
from cti_adapters.storage import schema_usage as schema_usage  # noqa: E402
