"""A daemon as small as can be: the public port, the outbox and the watched dashboard. Prints what happens as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed

from cti_adapters.live.hub import Hub
from cti_adapters.live.outbox import Outbox
from cti_adapters.storage.work import Database
from cti_server.settings import Settings
from cti_server.shared.clock import SystemClock
from cti_web import watching
from cti_web.push import LiveResource
from cti_web.site import Health, PublicSite
from cti_web.watching import Watch

reactor: Any = installed


def say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


class NoSessions:
    def by_token(self, token: str) -> None:
        return None

    def by_id(self, session: str) -> None:
        return None


def main(data_dir: str) -> None:
    watching.PING_EVERY, watching.ANSWER_WITHIN = 0.3, 2.0
    settings = Settings.model_validate({"server": {"data_dir": data_dir}})
    database = Database(settings.database_url)
    database.upgrade()
    outbox = Outbox(
        reactor, database, SystemClock(), {"note": lambda work, row: lambda: say(note=row.body["text"])}, sweep=1.0
    )
    watch = Watch(reactor, settings, outbox, module="tests.web.dashboard_for_test")
    health = Health()
    health.add("dashboard", watch.check)
    live = LiveResource(Hub(SystemClock()), NoSessions(), reactor)
    port = reactor.listenTCP(0, PublicSite(reactor, live, health, watch.socket), interface="127.0.0.1")
    outbox.start()
    watch.start()
    reactor.addSystemEventTrigger("before", "shutdown", watch.stop)
    reactor.addSystemEventTrigger("before", "shutdown", outbox.stop)
    say(port=port.getHost().port, sockets=[str(path) for path in Path(watch._sockets.daemon).parent.iterdir()])
    reactor.run()
    say(ended=True)


if __name__ == "__main__":
    main(sys.argv[1])
