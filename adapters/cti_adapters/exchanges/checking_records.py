"""Whether records of an exchange can be had, told without taking any: an exchange that holds its records back until
somebody connects would hand them to the test, and they would be lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError, DNSLookupError
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from cti_adapters.exchanges.findings import Findings
from cti_adapters.exchanges.recording import other_make_told, recording_of
from cti_adapters.exchanges.status import ExchangeState, Link, Reason
from cti_server.settings import ExchangeSettings
from cti_server.shared.errors import SettingsError

_SAMPLE: Final = 1 << 15


def check_records(settings: ExchangeSettings, reactor: Any, running: ExchangeState | None) -> Deferred[Findings]:
    """Looks at everything but the records. ``running``: how the link is that runs with these very settings, where one
    does; it knows best. Never fails: what went wrong is found."""
    try:
        recording_of(settings)
        settings.secret()
    except SettingsError as bad:
        return succeed(Findings(settings.id, Reason("bad-settings", {"error": str(bad)})))
    if running is not None:
        return succeed(_as_it_runs(settings, running))
    if settings.feed == "connect":
        return _resolved(settings, reactor)
    if settings.feed == "listen":
        return succeed(_free(settings, reactor))
    return succeed(_there(settings))


def _as_it_runs(settings: ExchangeSettings, running: ExchangeState) -> Findings:
    if running.state is Link.UP:
        return Findings(settings.id, notes=[Reason("records-come")])
    if running.state is Link.STOPPED:
        return Findings(settings.id, running.reason)
    waiting = running.reason.code in ("awaiting-exchange", "connecting", "opening-line")
    return Findings(settings.id, notes=[running.reason]) if waiting else Findings(settings.id, running.reason)


def _resolved(settings: ExchangeSettings, reactor: Any) -> Deferred[Findings]:
    found: Deferred[Any] = reactor.resolve(settings.host)
    where = {"host": settings.host, "port": str(settings.port)}

    def known(_: object) -> Findings:
        return Findings(settings.id, notes=[Reason("not-connected-on-purpose", where)])

    def unknown(failure: Failure) -> Findings:
        failure.trap(DNSLookupError, OSError, ValueError)
        return Findings(settings.id, Reason("unknown-host", where))

    return found.addCallbacks(known, unknown)


def _free(settings: ExchangeSettings, reactor: Any) -> Findings:
    where = {"host": settings.host, "port": str(settings.port)}
    try:
        port = reactor.listenTCP(settings.port, _Nobody(), interface=settings.host)
    except CannotListenError as bad:
        said = getattr(bad.socketError, "strerror", None) or str(bad.socketError)
        return Findings(settings.id, Reason("port-taken", {**where, "error": said}))
    port.stopListening()
    return Findings(settings.id, notes=[Reason("port-free", where)])


class _Nobody(Factory):
    """Takes no connection."""

    noisy = False

    def buildProtocol(self, _: object) -> None:
        """Whoever connects in this moment is turned away, and tries again."""


def _there(settings: ExchangeSettings) -> Findings:
    """Device, file or folder: whether it is there and may be read."""
    path = Path(settings.device) if settings.feed == "serial" else settings.path
    assert path is not None, "the settings have it"
    what = {"device": str(path), "path": str(path)}
    if not path.exists():
        code = {"serial": "no-device", "file": "file-missing"}.get(str(settings.feed), "folder-missing")
        return Findings(settings.id, Reason(code, what))
    if not os.access(path, os.R_OK | (os.W_OK if settings.feed == "serial" else 0)):
        code = "device-denied" if settings.feed == "serial" else "file-unreadable"
        return Findings(settings.id, Reason(code, {**what, "error": os.strerror(13)}))
    notes = [Reason("can-be-read", {"path": str(path)})]
    if settings.feed == "file":
        with path.open("rb") as file:
            notes += other_make_told(settings, file.read(_SAMPLE))
    return Findings(settings.id, notes=notes)
