"""The Flask application: pages of every room, in Japanese and English."""

from __future__ import annotations

import os
import secrets
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from flask_babel import Babel, get_locale
from flask_wtf.csrf import CSRFProtect

from cti_adapters.sealing import FolderSealer
from cti_adapters.storage.accounts import accounts as stored_accounts
from cti_adapters.storage.work import Database
from cti_server.identity.sessions import SessionPolicy
from cti_server.settings import Settings
from cti_server.shared.clock import Clock
from cti_web import (
    call_words,
    codec_words,
    compliance_claims,
    compliance_coverage,
    compliance_rules,
    errors,
    exchanges,
    formats,
    labels,
    mail_problems,
    oidc,
    phases,
    record_requests,
    scenario_words,
    telephone,
    viewer,
    why,
    words,
)
from cti_web.deal_imports import DealImports
from cti_web.proxy import MOST_BYTES
from cti_web.static_files import file_version
from cti_web.viewer import Accounts, OpenDesk, Outbox

BLUEPRINTS: tuple[str, ...] = (
    "signin",
    "second_factor",
    "oidc",
    "tokens",
    "api",
    "desk",
    "desk_requests",
    "calls",
    "customers",
    "phases",
    "questionnaires",
    "phases_import",
    "phases_usage",
    "usage_api",
    "questionnaire",
    "phases_learning",
    "phases_managing",
    "phases_setup",
    "unregistered",
    "board",
    "compliance_claims",
    "compliance_coverage",
    "compliance_audit",
    "compliance_exemptions",
    "compliance_erasures",
    "compliance_rules",
    "compliance_requests",
    "compliance_trail",
    "compliance_evidence",
    "report",
    "exchanges",
    "exchange_settings",
    "profile_versions",
    "profiles",
    "refolding",
    "tail",
    "sim",
    "why",
    "extensions",
    "telephone",
    "me",
    "users",
    "roles",
    "stand_ins",
    "mailbox",
    "lookup",
)
"""Modules of this package that hold a ``blueprint``."""

PARTS = (
    errors,
    formats,
    labels,
    words,
    call_words,
    codec_words,
    compliance_claims,
    compliance_coverage,
    compliance_rules,
    exchanges,
    mail_problems,
    phases,
    record_requests,
    scenario_words,
    telephone,
    why,
)
"""Modules that make words or formats known to the templates."""

LANGUAGES = ("ja", "en")
LANGUAGE_COOKIE = "yobirin_language"


def create_app(
    database: Database,
    settings: Settings,
    clock: Clock,
    outbox: Outbox,
    *,
    accounts: Accounts | None = None,
    desk: OpenDesk | None = None,
    mailbox: Path | None = None,
) -> Flask:
    """The application. ``accounts`` and ``desk`` are those over ``database`` unless given (tests give their own);
    ``mailbox`` is the folder of the demo's mailbox."""
    app = Flask(__name__, static_folder="static", template_folder="templates")
    https = settings.server.tls_certificate is not None or settings.server.public_url.startswith("https://")
    app.config.update(
        SECRET_KEY=secret_key(settings.data_dir),
        SESSION_COOKIE_NAME="yobirin_form",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=https,
        MAX_CONTENT_LENGTH=MOST_BYTES,
        MAX_FORM_MEMORY_SIZE=4 * 1024 * 1024,
        WTF_CSRF_TIME_LIMIT=None,
        BABEL_DEFAULT_LOCALE=settings.server.language,
        DEMO_MAILBOX=mailbox,
        BABEL_TRANSLATION_DIRECTORIES="translations",
    )
    app.extensions["yobirin.settings"] = settings
    app.extensions["yobirin.database"] = database
    app.extensions["yobirin.clock"] = clock
    app.extensions["yobirin.outbox"] = outbox
    app.extensions["yobirin.https"] = https
    app.extensions["yobirin.deal_imports"] = DealImports(database, clock, outbox.wake)
    app.extensions["yobirin.desk"] = desk or viewer.desk_opener(database, clock, outbox)
    csrf = CSRFProtect(app)
    Babel(app, locale_selector=lambda: language(settings.server.language))
    viewer.register(app, accounts or _accounts(database, settings, clock, outbox))
    for part in PARTS:
        part.register(app)
    oidc.register(app, settings, clock)
    app.jinja_env.globals["get_locale"] = get_locale
    _version_static(app)
    for name in BLUEPRINTS:
        module = import_module(f"cti_web.{name}")
        app.register_blueprint(module.blueprint)
    csrf.exempt(app.blueprints["usage_api"])  # a program brings its token in a header, and has no cookie
    csrf.exempt(app.blueprints["questionnaire"])  # its address is the secret, and it knows no cookie
    return app


def _accounts(database: Database, settings: Settings, clock: Clock, outbox: Outbox) -> Accounts:
    policy = SessionPolicy(settings.sessions.idle_minutes * 60.0, settings.sessions.longest_hours * 3600.0)
    signin = settings.signin
    return stored_accounts(
        database,
        clock,
        policy,
        wake=outbox.wake,
        sealer=FolderSealer(settings.data_dir),
        required=signin.second_factor_roles,
        only_administrators=signin.passwords == "administrators",
    )


def language(default: str) -> str:
    """The user's language; else what the browser chose before; else what it prefers; else the server's."""
    if viewer.viewer:
        return viewer.viewer.language
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(LANGUAGES) or default


def remember_language(response: Response, chosen: str, https: bool) -> None:
    """Keeps the language for pages before the sign-in."""
    response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=31_536_000, samesite="Lax", httponly=True, secure=https)


def secret_key(data_dir: Path) -> bytes:
    """The key that forms are signed with; made at the first start, kept where only the server may read."""
    path = data_dir / "web.secret"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    key = secrets.token_bytes(32)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
    return key


def _version_static(app: Flask) -> None:
    """Adds to every static address a hash of the file, so that browsers keep it for ever and still get the new one."""
    folder = Path(app.static_folder or "")
    known: dict[str, str] = {}

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        name = values.get("filename")
        if endpoint != "static" or not name or "v" in values:
            return
        if name not in known:
            path = folder / name
            known[name] = file_version(path.read_bytes()) if path.is_file() else ""
        if known[name]:
            values["v"] = known[name]
