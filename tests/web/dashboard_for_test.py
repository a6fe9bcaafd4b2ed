"""A dashboard process like the real one, with pages that do what pages must not do."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, request

from cti_adapters.storage import outbox as rows
from cti_adapters.storage.outbox import watch
from cti_adapters.storage.work import Database
from cti_server.shared.scope import EVERYTHING
from cti_web import dashboard


def create_app(database: Database, settings: Any, clock: Any, outbox: Any, **_: Any) -> Flask:
    app = Flask("test")
    made = {"parts": 0, "closed": 0}

    @app.get("/pid")
    def pid() -> dict[str, Any]:
        return {"pid": os.getpid(), "address": request.remote_addr, "https": request.is_secure, "made": made}

    @app.post("/echo")
    def echo() -> Response:
        return Response(request.get_data())

    @app.get("/compute")
    def compute() -> str:
        end = time.monotonic() + float(request.args["seconds"])
        while time.monotonic() < end:
            sum(number * number for number in range(20_000))
        return "computed"

    @app.get("/export")
    def export() -> Response:
        wanted, broken = int(request.args["parts"]), "broken" in request.args

        def parts() -> Iterator[bytes]:
            try:
                for number in range(wanted):
                    if broken and number == wanted - 1:
                        raise RuntimeError("the export broke")
                    made["parts"] += 1
                    yield b"x" * 65536
            finally:
                made["closed"] += 1

        return Response(parts(), mimetype="text/csv")

    @app.get("/crash")
    def crash() -> str:
        os._exit(3)

    @app.get("/hang")
    def hang() -> str:
        from twisted.internet import reactor as installed

        reactor: Any = installed
        reactor.callFromThread(threading.Event().wait)
        return "hangs"

    @app.post("/tell")
    def tell() -> str:
        with database.open(EVERYTHING) as work:
            watch(work, outbox.wake)
            rows.put(work, "note", {"text": request.form["text"]}, clock.now())
        return "told"

    return app


dashboard.create_app = create_app  # type: ignore[assignment]

if __name__ == "__main__":
    dashboard.main()
