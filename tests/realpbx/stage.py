"""The stage: one carrier and the phones of one Asterisk, playing scripts in a thread of their own.

Tests are ordinary functions; `stage.do(...)` plays a piece of script and returns its result, `stage.start(...)` lets it
go on by itself.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from tests.realpbx.asterisk import Ports
from tests.realpbx.sipagent import Agent, Leg

Result = TypeVar("Result")
PLAY_LIMIT_S = 150.0


class Stage:
    """`carrier` and `phones["2001"]`, ready to play."""

    def __init__(self, ports: Ports) -> None:
        """Binds the ports of the carrier and of the phones."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stage", daemon=True)
        self._thread.start()
        self.carrier = Agent("carrier", ports.carrier, ports.sip)
        self.phones = {extension: Agent(extension, port, ports.sip) for extension, port in ports.phones.items()}
        self.do(self._open())

    def do(self, script: Coroutine[Any, Any, Result], limit_s: float = PLAY_LIMIT_S) -> Result:
        """Plays a script to its end."""
        return self.start(script).result(limit_s)

    def start(self, script: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Lets a script play while the test goes on."""
        return asyncio.run_coroutine_threadsafe(script, self._loop)

    def forget(self) -> None:
        """Every agent forgets its calls, and speaks again."""
        self.do(self._forget())

    def close(self) -> None:
        """Gives the ports back and ends the thread."""
        self.do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def agents(self) -> list[Agent]:
        """The carrier and the phones."""
        return [self.carrier, *self.phones.values()]

    async def _open(self) -> None:
        for agent in self.agents:
            await agent.open()

    async def _forget(self) -> None:
        for agent in self.agents:
            agent.speaks = True
            agent.forget()

    async def _close(self) -> None:
        for agent in self.agents:
            agent.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    # ------------------------------------------------ what scripts do all the time

    async def inbound(
        self, did: str, number: str, name: str = "", *, extra: list[tuple[str, str]] | None = None
    ) -> Leg:
        """A call from the carrier, with the number in From and P-Asserted-Identity, as carriers send it."""
        identity = (f'"{name}" ' if name else "") + f"<sip:{number}@127.0.0.1>"
        headers = [("P-Asserted-Identity", identity), *(extra or [])]
        return await self.carrier.call(did, number, name=name, extra=headers)

    async def ring(self, extension: str, limit_s: float = 20.0) -> Leg:
        """The next call at a phone, which rings."""
        leg = await self.phones[extension].incoming(limit_s)
        await asyncio.sleep(0.05)
        leg.ring()
        return leg

    async def take(self, extension: str, after: float = 1.0, limit_s: float = 20.0) -> Leg:
        """The next call at a phone, which rings and is answered `after` that many seconds."""
        leg = await self.ring(extension, limit_s)
        await asyncio.sleep(after)
        await leg.answer()
        return leg
