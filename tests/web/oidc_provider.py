"""A real OpenID Connect provider for the tests: npm's oidc-provider in a process of its own, and a browser's walk
through its pages. Without it (see tests/provision.py) the tests are skipped with the reason, or fail where skipping is
forbidden (YOBIRIN_NO_SKIP=1)."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

import pytest

from tests.provision import missing_oidc, no_skip, oidc_folder

CLIENT, SECRET = "yobirin", "a secret of the tests, long enough"
HERE = "http://yobirin.test"
SCRIPT = Path(__file__).parents[1] / "oidc" / "provider.mjs"


def needs_provider() -> None:
    """Skips a test where there is no provider to be had."""
    reason = missing_oidc()
    if reason and no_skip():
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


class RunningProvider:
    """The provider's process."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        given = {"port": self.port, "client": CLIENT, "secret": SECRET, "modules": str(oidc_folder())}
        given |= {"redirect": f"{HERE}/signin/oidc/back", "out": f"{HERE}/signin?out=1"}
        command = ["node", str(SCRIPT), json.dumps(given)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


class Walker(urllib.request.HTTPRedirectHandler):
    """A browser at the provider: follows it until it leads back to us."""

    def __init__(self) -> None:
        self.jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar), self)

    def redirect_request(self, *_: Any) -> None:
        return None

    def go(self, address: str, form: dict[str, str] | None = None) -> tuple[str, str]:
        """(address, page) at the end of the redirects; the page is empty once the address is one of ours."""
        data = urlencode(form).encode() if form is not None else None
        while not address.startswith(HERE):
            try:
                with self._opener.open(urllib.request.Request(address, data), timeout=20) as answer:
                    return address, answer.read().decode()
            except urllib.error.HTTPError as moved:
                with moved:
                    assert moved.code in (302, 303), (moved.code, moved.read()[:300])
                    address, data = urljoin(address, moved.headers["Location"]), None
        return address, ""

    def sign_in(self, address: str, login: str) -> str:
        """Signs in there and agrees; gives where it leads back to."""
        address, page = self.go(address)
        for form in ({"prompt": "login", "login": login, "password": "any"}, {"prompt": "consent"}):
            if page:
                found = re.search(r'action="([^"]+)"', page)
                assert found, page
                address, page = self.go(urljoin(address, found[1]), form)
        assert not page
        return address
