"""The whole product as its own processes: `cti serve` on a data folder, a firm in its database, people who sign in."""

from __future__ import annotations

import http.client
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select

from cti_adapters.passwords import Argon2
from cti_adapters.storage import mapping, schema
from cti_adapters.storage.directory import Directory, numbers_of
from cti_adapters.storage.firm import put_branches
from cti_adapters.storage.gate import system
from cti_adapters.storage.work import Database
from cti_server.calls.log import CallLog
from cti_server.calls.truth import as_truth
from cti_server.shared.clock import SystemClock
from cti_server.shared.people import Branch, Customer
from cti_server.shared.phone import Plan
from cti_server.shared.scope import EVERYTHING
from tests.web.running import until

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
SECRET = "YOBIRIN_TEST_SECRET"
BRANCHES = {"121": "本店営業部", "122": "横浜支店"}
READY_S = 60.0
_FACTS = [name for name in CallLog.__dataclass_fields__ if name in schema.calls.c]


@cache
def _hash() -> str:
    return Argon2().hash(PASSWORD)


def free_port() -> int:
    """A TCP port on loopback that nobody uses at the moment."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def exchange(id: str, port: int, *, branch: str = "121", kind: str = "ami", **more: Any) -> dict[str, Any]:
    """An ``[[exchanges]]`` table with what the test's exchanges need."""
    return {
        "id": id,
        "name": f"PBX {id}",
        "kind": kind,
        "branch": branch,
        "port": port,
        "secret_env": SECRET,
        "area_code": "03",
        "extensions": r"\d{4}",
        "trunks": ["PJSIP/trunk"],
    } | more


def _settings(values: dict[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in values.items()]


class Product:
    """One installation: its folder, its settings file, its database, and the server when it runs."""

    def __init__(self, folder: Path, exchanges: list[dict[str, Any]], secret: str = "yobirin") -> None:
        self.folder = folder
        self.data = folder / "data"
        self.config = folder / "cti.toml"
        self.port = free_port()
        self.secret = secret
        self.exchanges = exchanges
        self.process: subprocess.Popen[bytes] | None = None
        self.log_file = folder / "server.log"
        self.data.mkdir(parents=True)
        self.write_config()
        self.database = Database(f"sqlite:///{self.data / 'yobirin.sqlite3'}")
        self.database.upgrade()
        with self.database.open(EVERYTHING, write=True) as work:
            put_branches(system(work.session), [Branch(code, name) for code, name in BRANCHES.items()])

    # ------------------------------------------------ the firm

    def person(self, id: str, role: str = "rep", branch: str = "121", *extensions: str, **more: Any) -> None:
        """A user who signs in with their id; ``extensions``: ``hq/2001``."""
        with self.database.open(EVERYTHING, write=True) as work:
            row = mapping.User(id=id, login=id, name=f"担当{id}", branch=branch, role=role, **more)
            row.password_hash = _hash()
            work.session.add(row)
            work.session.flush()
            for one in extensions:
                at, _, extension = one.partition("/")
                work.session.add(mapping.Extension(exchange=at, extension=extension, user=id))

    def role(self, name: str, span: str, classes: list[int], *rights: str) -> None:
        """A role besides those of a new installation."""
        with self.database.open(EVERYTHING, write=True) as work:
            work.session.add(mapping.Role(name=name, span=span, classes=classes, rights=list(rights)))

    def customer(
        self, code: str, number: str, rep: str | None, *, branch: str = "121", level: int = 3, **more: Any
    ) -> None:
        """A registered customer of one number."""
        with self.database.open(EVERYTHING, write=True) as work:
            customer = Customer(code, more.pop("name", f"顧客{code}"), branch, rep, level, **more)
            customer.numbers = numbers_of([number], Plan(area_code="03"))
            customer.created_at = SystemClock().now()
            Directory(work.session).add(customer)

    # ------------------------------------------------ the server

    def write_config(self) -> None:
        """Writes the settings file from ``exchanges``."""
        lines = ["[server]", f"port = {self.port}", f"data_dir = {json.dumps(str(self.data))}", 'language = "en"']
        for code, name in BRANCHES.items():
            lines += ["", "[[branches]]", f'code = "{code}"', f'name = "{name}"']
        for table in self.exchanges:
            inner = {key: value for key, value in table.items() if isinstance(value, dict)}
            lines += ["", "[[exchanges]]", *_settings({key: table[key] for key in table if key not in inner})]
            for key, values in inner.items():
                lines += [f"[exchanges.{key}]", *_settings(values)]
        self.config.write_text("\n".join(lines) + "\n", "utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """What the server and the commands are run with."""
        return os.environ | {SECRET: self.secret, "YOBIRIN_LOG": "INFO"}

    def start(self, wait: bool = True) -> None:
        """Starts `cti serve`; returns when its health page says that all is up."""
        command = [sys.executable, "-m", "cti_server.cli", "serve", "--config", str(self.config)]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if wait:
            until(self._up, "the server to be up", READY_S)

    def _up(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with status {self.process.returncode}:\n{self.log()}")
        return self.health()[0] == 200

    def health(self) -> tuple[int, dict[str, str]]:
        """The status of the health page, and its parts; 0 where nobody answers."""
        with suppress(OSError, http.client.HTTPException):
            status, body = self.ask("GET", "/healthz")[:2]
            return status, json.loads(body)["parts"]
        return 0, {}

    def signal(self, number: int) -> None:
        """Sends the daemon a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL to the daemon: the power is cut. The dashboard notices by itself."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(20)
        self.process = None

    def stop(self) -> int:
        """Ends it in good order; its exit status. Nothing may be left running."""
        if self.process is None:
            return 0
        self.process.terminate()
        status = self.process.wait(30)
        self.process = None
        return status

    def close(self) -> None:
        """Ends everything, whatever the test did."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.database.close()

    def log(self) -> str:
        """What the server wrote."""
        return self.log_file.read_text("utf-8", "replace") if self.log_file.exists() else ""

    def cti(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a `cti` command on this installation's settings."""
        command = [sys.executable, "-m", "cti_server.cli", *words, "--config", str(self.config)]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )

    # ------------------------------------------------ what it knows

    def calls(self) -> list[dict[str, Any]]:
        """The call log in the order of its beginnings, with the field names of the truths, and ``id`` and
        ``exchange``."""
        with self.database.engine.connect() as connection:
            rows = connection.execute(select(schema.calls).order_by(schema.calls.c.started_at)).mappings().all()
        return [self._told(dict(row)) for row in rows]

    def _told(self, row: dict[str, Any]) -> dict[str, Any]:
        log = CallLog(**{name: row[name] for name in _FACTS})
        return as_truth(log) | {"id": row["id"], "exchange": row["exchange"]}

    def ended_calls(self, count: int, seconds: float = 20.0) -> list[dict[str, Any]]:
        """The call log once it holds ``count`` calls that are all over; fails telling what it holds instead."""
        found: list[dict[str, Any]] = []

        def enough() -> bool:
            found[:] = self.calls()
            return len(found) >= count and all(call["state"] == "ended" for call in found)

        with suppress(AssertionError):
            until(enough, "", seconds)
        seen = [(call["direction"], call["caller_number"], call["state"]) for call in found]
        assert enough(), f"{count} calls that are over were expected; there are {seen}"
        return found

    def rows(self, table: Any) -> list[dict[str, Any]]:
        """Every row of a table."""
        with self.database.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    def link(self, id: str) -> dict[str, Any]:
        """How the link to an exchange is, as the database tells the pages."""
        return next((row for row in self.rows(schema.exchanges) if row["id"] == id), {"state": "", "reason": ""})

    def until_link(self, id: str, state: str, seconds: float = 20.0) -> dict[str, Any]:
        """Waits for the link to an exchange to be so."""
        until(lambda: self.link(id)["state"] == state, f"the link {id} to be {state}", seconds)
        return self.link(id)

    # ------------------------------------------------ people

    def ask(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str, http.client.HTTPMessage]:
        """One HTTP request."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body, headers or {})
            with connection.getresponse() as answer:
                return answer.status, answer.read().decode(), answer.headers

    def sign_in(self, login: str) -> Browser:
        """Somebody signs in as they do with a browser."""
        browser = Browser(self)
        browser.sign_in(login)
        return browser


class Browser:
    """What a browser does for somebody: cookies, pages, forms and the live stream."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.cookies: dict[str, str] = {}

    def sign_in(self, login: str) -> None:
        """Through the sign-in page."""
        status, body = self.request("GET", "/signin")
        assert status == 200, body
        status, body = self.request(
            "POST", "/signin", {"login": login, "password": PASSWORD, "csrf_token": token(body)}
        )
        assert status == 303, f"{status}: {text(body)}"

    def request(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """One request with the cookies so far."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if form is not None:
            body = urlencode(form)
            headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        status, answer, told = self.product.ask(method, path, body, headers)
        for line in told.get_all("Set-Cookie") or []:
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value
        return status, answer

    def page(self, path: str) -> str:
        """A page that has to be there."""
        status, body = self.request("GET", path)
        assert status == 200, f"{path}: {status}: {text(body)}"
        return body

    def post(self, path: str, form: dict[str, str] | None = None, *, page: str = "/desk") -> tuple[int, str]:
        """Sends a form of a page."""
        return self.request("POST", path, {"csrf_token": token(self.page(page))} | (form or {}))

    def rows(self, path: str = "/desk") -> list[tuple[int, str]]:
        """The worklist of a page: (item, words of the row)."""
        rows = re.findall(r'<a class="y-row" id="y-row-(\d+)"(.*?)</a>', self.page(path), re.S)
        return [(int(item), text(f"<a{row}")) for item, row in rows]

    @contextmanager
    def live(self) -> Iterator[Live]:
        """Opens the live stream; returns when the server has said how things are."""
        stream = Live(self)
        try:
            stream.wait(lambda name, _: name == "ready", "the stream to be ready")
            yield stream
        finally:
            stream.close()


class Live:
    """One live stream. ``events`` holds all that came; a thread reads it."""

    def __init__(self, browser: Browser) -> None:
        self.events: list[tuple[str, Any]] = []
        self._news: queue.Queue[None] = queue.Queue()
        self._socket = socket.create_connection(("127.0.0.1", browser.product.port), timeout=60)
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        self._socket.sendall(f"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        name = ""
        with suppress(OSError, ValueError), self._socket.makefile("r", encoding="utf-8", newline="\n") as lines:
            for line in lines:
                if line.startswith("event: "):
                    name = line[7:].strip()
                elif line.startswith("data: "):
                    self.events.append((name, json.loads(line[6:])))
                    self._news.put(None)

    @property
    def told(self) -> str:
        """All that the stream said, without what numbers are written with: to look for what it must not say."""
        return re.sub(r"(?<=\d)[- ](?=\d)", "", json.dumps(self.events, ensure_ascii=False))

    def calls(self, **wanted: Any) -> list[dict[str, Any]]:
        """The `call` events so far that have these values."""
        told = [data for name, data in self.events if name == "call"]
        return [data for data in told if all(data[key] == value for key, value in wanted.items())]

    def wait(self, good: Any, what: str, seconds: float = 20.0) -> Any:
        """The first event for which ``good(name, data)``, from the beginning on."""
        return until(
            lambda: next((data or True for name, data in list(self.events) if good(name, data)), None), what, seconds
        )

    def call(self, seconds: float = 20.0, **wanted: Any) -> dict[str, Any]:
        """The first `call` event with these values."""
        until(lambda: self.calls(**wanted), f"a call {wanted}", seconds)
        return self.calls(**wanted)[0]

    def close(self) -> None:
        """Closes it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)


def token(page: str) -> str:
    """The CSRF token of a page's forms."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page) or re.search(
        r'name="csrf-token"[^>]*content="([^"]+)"', page
    )
    assert found, f"no CSRF token in: {text(page)[:500]}"
    return found[1]


def text(page: str) -> str:
    """What a reader reads of HTML."""
    bare = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", page, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", bare)).strip()
