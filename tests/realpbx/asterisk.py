"""Starts and stops real Asterisks for tests: own folders, own ports, configuration from etc/.

All instances share the system that `tests/provision.py` unpacked; what an instance writes lies in a folder of its own
inside it, so that several run at once and nothing is copied.
"""

from __future__ import annotations

import array
import math
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from tests.provision import asterisk_root

ETC = Path(__file__).parent / "etc"
EXTENSIONS = ("2001", "2002", "2003", "2004")
SECRET = "only-on-loopback"
START_LIMIT_S = 30.0
STOP_LIMIT_S = 10.0


@dataclass(frozen=True)
class Ports:
    """The loopback ports of one Asterisk, its carrier and its phones."""

    sip: int
    ami: int
    carrier: int
    phones: dict[str, int]
    rtp_first: int

    @classmethod
    def free(cls) -> Ports:
        """Ports that nobody uses at the moment."""
        with ExitStack() as held:
            sip, carrier, rtp, *phones = (_free(held, socket.SOCK_DGRAM) for _ in range(3 + len(EXTENSIONS)))
            ami = _free(held, socket.SOCK_STREAM)
        return cls(sip, ami, carrier, dict(zip(EXTENSIONS, phones, strict=True)), min(rtp, 64000) // 2 * 2)


def _free(held: ExitStack, kind: socket.SocketKind) -> int:
    bound = held.enter_context(socket.socket(socket.AF_INET, kind))
    bound.bind(("127.0.0.1", 0))
    return int(bound.getsockname()[1])


class Asterisk:
    """One Asterisk process; `start()`, `stop()`, `kill()` and `start()` again keep its ports and its files."""

    def __init__(self, ports: Ports | None = None, *, modules: str = "minimal") -> None:
        """`modules`: `minimal` boots in 0.3 s; `stock` is what a packaged Asterisk loads (for recordings)."""
        self.ports = ports or Ports.free()
        self.modules = modules
        _remove_leftovers()
        instances = asterisk_root() / "srv"
        instances.mkdir(exist_ok=True)
        self.home = Path(mkdtemp(prefix=f"asterisk-{os.getpid()}-", dir=instances))
        self.process: subprocess.Popen[bytes] | None = None
        self._write_home()

    @property
    def inside(self) -> str:
        """The instance's folder as the Asterisk sees it in its chroot."""
        return "/" + str(self.home.relative_to(asterisk_root()))

    @property
    def cdr_file(self) -> Path:
        """The file that Asterisk writes its call detail records to."""
        return self.home / "log/cdr-custom/cdr_master.csv"

    @property
    def log_file(self) -> Path:
        """Asterisk's warnings and errors."""
        return self.home / "log/messages.log"

    def start(self) -> None:
        """Starts it and returns when it is fully booted."""
        command = ["chroot", str(asterisk_root()), "asterisk", "-f", "-C", f"{self.inside}/etc/asterisk.conf"]
        with (self.home / "log/console.log").open("ab") as console:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )
        limit = time.monotonic() + START_LIMIT_S
        while "fully booted" not in self.cli("core waitfullybooted"):
            if self.process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"Asterisk did not start; it said:\n{self._last_words()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stops it in good order (`core stop now`: channels get their Hangup, calls their records)."""
        self.cli("core stop now")
        self._reap(STOP_LIMIT_S)

    def kill(self) -> None:
        """SIGKILL: no event, no record, as in a power cut."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self._reap(STOP_LIMIT_S)

    def restart_now(self) -> None:
        """`core restart now`: the process replaces itself; returns when it is fully booted again."""
        before = self._console_made_at()
        self.cli("core restart now")
        limit = time.monotonic() + START_LIMIT_S
        while self._console_made_at() == before or "fully booted" not in self.cli("core waitfullybooted"):
            if time.monotonic() > limit:
                raise RuntimeError(f"Asterisk did not come back; it said:\n{self._last_words()}")
            time.sleep(0.02)

    def remove(self) -> None:
        """Kills it if it still runs, and removes its folder."""
        self.kill()
        shutil.rmtree(self.home)

    def cli(self, command: str) -> str:
        """Runs a console command and returns what Asterisk answers (empty when nobody answers)."""
        line = ["chroot", str(asterisk_root()), "asterisk", "-C", f"{self.inside}/etc/asterisk.conf", "-rx", command]
        return subprocess.run(line, capture_output=True, text=True, timeout=START_LIMIT_S, check=False).stdout

    def channels(self) -> int:
        """How many channels are up."""
        first = self.cli("core show channels count").split()
        return int(first[0]) if first and first[0].isdigit() else 0

    def wait_idle(self, limit_s: float = 60.0) -> None:
        """Returns when no channel is up."""
        limit = time.monotonic() + limit_s
        while self.channels():
            if time.monotonic() > limit:
                raise TimeoutError(f"channels are still up:\n{self.cli('core show channels concise')}")
            time.sleep(0.1)

    def _console_made_at(self) -> int | None:
        """When the console's socket was made: each start makes it anew."""
        console = self.home / "run/asterisk.ctl"
        return console.stat().st_ctime_ns if console.exists() else None

    def _reap(self, limit_s: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(limit_s)
        self.process = None

    def _last_words(self) -> str:
        files = (self.home / "log/console.log", self.log_file)
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in files if path.is_file())

    def _write_home(self) -> None:
        for folder in ("etc", "lib", "spool", "run", "log/cdr-custom", "log/cel-custom", "cache", "moh", "sounds"):
            (self.home / folder).mkdir(parents=True)
        # Keys and recordings that belong to the system, not to an instance.
        for name in ("static-http", "sounds"):
            (self.home / "lib" / name).symlink_to(f"/usr/share/asterisk/{name}")
        # What etc/ does not set is as the package sets it.
        for packaged in (asterisk_root() / "etc/asterisk").glob("*.conf"):
            shutil.copy(packaged, self.home / "etc")
        for template in ETC.glob("*.conf"):
            if not template.name.startswith("modules-"):
                (self.home / "etc" / template.name).write_text(self._filled(template))
        shutil.copy(ETC / f"modules-{self.modules}.conf", self.home / "etc/modules.conf")
        (self.home / "moh/tone.sln").write_bytes(_tone(20.0))
        (self.home / "sounds/welcome.sln").write_bytes(_tone(2.0))

    def _filled(self, template: Path) -> str:
        text = template.read_text()
        ports = self.ports
        values: dict[str, object] = {"HOME": self.inside, "SECRET": SECRET, "SIP": ports.sip, "AMI": ports.ami}
        values |= {"CARRIER": ports.carrier, "RTP_FIRST": ports.rtp_first, "RTP_LAST": ports.rtp_first + 400}
        values |= {f"PHONE_{extension}": port for extension, port in ports.phones.items()}
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        return text


def _tone(seconds: float) -> bytes:
    """A soft tone as signed linear 8 kHz samples: music on hold and prompts need some file."""
    samples = (int(6000 * math.sin(i * 2 * math.pi * 440 / 8000)) for i in range(int(seconds * 8000)))
    return array.array("h", samples).tobytes()


def _remove_leftovers() -> None:
    """Removes the folders, and ends the Asterisks, of test runs that were killed."""
    for home in (asterisk_root() / "srv").glob("asterisk-*"):
        owner = home.name.split("-")[1]
        if Path(f"/proc/{owner}").exists():
            continue
        pid_file = home / "run/asterisk.pid"
        if pid_file.is_file() and _is_asterisk_of(home, pid := int(pid_file.read_text())):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)


def _is_asterisk_of(home: Path, pid: int) -> bool:
    line = Path(f"/proc/{pid}/cmdline")
    return line.is_file() and home.name.encode() in line.read_bytes()
