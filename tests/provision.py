"""Fetches what the tests need and pip cannot bring: from Debian a real Asterisk, sipp, Chromium, Japanese fonts,
PostgreSQL; from npm an OpenID Connect provider.

    python tests/provision.py [--only asterisk|chromium|sipp|fonts|oidc|postgresql]

Run it as often as you like: what is there already is left alone, and that takes less than a second. What cannot be had
on this machine (no apt, not root, no Debian archive in apt's sources) is said and skipped, and the tests that need it
are skipped with the same reason. With YOBIRIN_NO_SKIP=1 nothing may be skipped: then the exit code is 1.

The Asterisk lives in a folder of its own (YOBIRIN_CACHE, default ~/.cache/yobirin): Debian 12 and 13 have no Asterisk
package, so a small system of the suite that has one is unpacked there by debootstrap. Nothing of it is installed into
the machine. Standard library only, so that it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

SUITE = "forky"
# An older debootstrap has no script of this name; all newer suites are built like sid.
SCRIPT = "/usr/share/debootstrap/scripts/sid"
PACKAGES = ("asterisk", "asterisk-core-sounds-en-gsm", "ca-certificates", "tzdata")
ZONE = "Asia/Tokyo"
RECIPE = f"{SUITE} minbase {' '.join(PACKAGES)} {ZONE}\n"
OIDC = Path(__file__).parent / "oidc"
ATTEMPTS = 3
PAUSE_S = 3.0


class Unavailable(Exception):
    """Something cannot be had on this machine; the text says why and what to do."""


def no_skip() -> bool:
    """Is skipping forbidden (YOBIRIN_NO_SKIP=1, as in CI)?"""
    return os.environ.get("YOBIRIN_NO_SKIP", "") not in ("", "0")


def cache_folder() -> Path:
    """The folder for what is too large for the source tree: YOBIRIN_CACHE, default ~/.cache/yobirin."""
    return Path(os.environ.get("YOBIRIN_CACHE") or "~/.cache/yobirin").expanduser().resolve()


def asterisk_root() -> Path:
    """The root folder of the small Debian system that holds the Asterisk."""
    return cache_folder() / "asterisk-root"


def missing_asterisk() -> str | None:
    """Why there is no usable Asterisk, or None when there is one."""
    if os.geteuid() != 0:
        return "a real Asterisk runs in a chroot, and that needs root"
    recipe = asterisk_root() / ".yobirin-recipe"
    if not recipe.is_file() or recipe.read_text() != RECIPE:
        return f"there is no Asterisk in {asterisk_root()}; run `python tests/provision.py --only asterisk` as root"
    return None


# ---------------------------------------------------------------- Debian packages of the machine itself


def installed(package: str) -> bool:
    """Does dpkg know the package as installed?"""
    if shutil.which("dpkg-query") is None:
        return False
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"


def japanese_fonts() -> bool:
    """Has the machine a font for Japanese?"""
    if installed("fonts-noto-cjk"):
        return True
    if shutil.which("fc-list") is None:
        return False
    return bool(subprocess.run(["fc-list", ":lang=ja"], capture_output=True, check=False).stdout.strip())


def install(package: str) -> None:
    """Installs a Debian package with apt, and reads the package lists first only when apt does not know it."""
    require_apt_and_root(f"install the Debian package {package}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "--no-install-recommends", "-q", package]
    for attempt in range(ATTEMPTS):
        if attempt or not known_to_apt(package):
            run(["apt-get", "update", "-q"], environment)
        if run(command, environment):
            return
        time.sleep(PAUSE_S)
    raise Unavailable(f"apt could not install {package}; see its messages above, and run this again")


def known_to_apt(package: str) -> bool:
    """Do apt's package lists hold the package?"""
    return bool(subprocess.run(["apt-cache", "show", package], capture_output=True, check=False).stdout)


def require_apt_and_root(purpose: str) -> None:
    """Raises Unavailable where there is no apt or no right to use it."""
    if shutil.which("apt-get") is None:
        raise Unavailable(f"there is no apt on this machine to {purpose}")
    if os.geteuid() != 0:
        raise Unavailable(f"only root can {purpose}; run this as root")


def run(command: list[str], environment: Mapping[str, str]) -> bool:
    """Runs a command, shows what it says, and tells whether it succeeded."""
    print("+ " + command[0] + " " + " ".join(command[1:4]) + (" ..." if len(command) > 4 else ""), flush=True)
    # The lock is handed down: were this process killed, a debootstrap that goes on without it still holds the lock.
    done = subprocess.run(command, env=dict(environment), stdin=subprocess.DEVNULL, close_fds=False, check=False)
    return done.returncode == 0


# ---------------------------------------------------------------- Asterisk


def mirrors() -> list[str]:
    """The Debian archives that apt is set to, in apt's own order.

    apt itself is asked which addresses it would read (one-line and deb822 sources alike); only those of a main archive
    are kept. `mirror+file:` sources name a file with one address per line.
    """
    listing = subprocess.run(["apt-get", "update", "--print-uris"], capture_output=True, text=True, check=False).stdout
    found: list[str] = []
    for line in listing.splitlines():
        address, separator, rest = line.partition("'")[2].partition("'")[0].partition("/dists/")
        if not separator or not rest.endswith("/InRelease") or address.rstrip("/").endswith("-security"):
            continue
        found += mirror_file(address) if address.startswith("mirror+file:") else [address]
    return list(dict.fromkeys(address for address in found if address.startswith(("http://", "https://"))))


def mirror_file(address: str) -> list[str]:
    """The addresses in the file of a `mirror+file:` source."""
    path = Path("/" + address.removeprefix("mirror+file:").lstrip("/"))
    if not path.is_file():
        return []
    lines = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return [words[0].rstrip("/") for words in lines if words]


def proxies() -> dict[str, str]:
    """apt's proxies as the environment variables that wget and urllib read."""
    query = "apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy"
    lines = subprocess.run(query.split(), capture_output=True, text=True, check=False).stdout.splitlines()
    pairs = (line.partition("=") for line in lines)
    return {name: value.strip("'\"") for name, _, value in pairs if value.strip("'\"") not in ("", "DIRECT", "false")}


def mirror_with_suite() -> str:
    """The first of apt's archives that holds the suite with the Asterisk."""
    for address in mirrors():
        try:
            with urllib.request.urlopen(f"{address}/dists/{SUITE}/InRelease", timeout=30) as answer:
                if answer.status == 200:
                    return address
        except (urllib.error.URLError, TimeoutError) as error:
            print(f"one of apt's archives has no {SUITE}: {getattr(error, 'reason', error)}", flush=True)
    raise Unavailable(f"none of the archives in apt's sources holds Debian {SUITE}, which has the Asterisk package")


def provide_asterisk() -> str:
    """Unpacks the Asterisk; what an interrupted run left is thrown away first."""
    root = asterisk_root()
    if missing_asterisk() is None:
        return f"there already ({root})"
    require_apt_and_root("unpack a Debian system with an Asterisk")
    if shutil.which("debootstrap") is None:
        install("debootstrap")
    os.environ.update(proxies())
    unfinished = root.with_name("asterisk-root.unfinished")
    packages = cache_folder() / "packages"
    packages.mkdir(exist_ok=True)
    mirror = mirror_with_suite()
    for _ in range(ATTEMPTS):
        remove_root(unfinished)
        if bootstrap(unfinished, packages, mirror):
            break
        time.sleep(PAUSE_S)
    else:
        raise Unavailable(f"debootstrap could not unpack {SUITE}; see its messages above, and run this again")
    finish(unfinished)
    remove_root(root)
    unfinished.rename(root)
    shutil.rmtree(packages)
    return f"unpacked into {root}"


def bootstrap(target: Path, packages: Path, mirror: str) -> bool:
    """One attempt of debootstrap; packages that a former attempt fetched are used again."""
    options = ["--variant=minbase", f"--include={','.join(PACKAGES)}", f"--cache-dir={packages}"]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return run(["debootstrap", *options, SUITE, str(target), mirror, SCRIPT], environment)


def finish(root: Path) -> None:
    """Sets the zone, throws away the package files, checks that the Asterisk starts, and writes the recipe last."""
    localtime = root / "etc/localtime"
    localtime.unlink(missing_ok=True)
    localtime.symlink_to(f"/usr/share/zoneinfo/{ZONE}")
    for folder in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"):
        shutil.rmtree(root / folder, ignore_errors=True)
    version = subprocess.run(["chroot", root, "asterisk", "-V"], capture_output=True, text=True, check=False)
    if version.returncode != 0:
        raise Unavailable(f"the Asterisk that was unpacked does not run: {version.stderr.strip()}")
    print(version.stdout.strip(), flush=True)
    (root / ".yobirin-recipe").write_text(RECIPE)


def remove_root(root: Path) -> None:
    """Removes a system, and first what a killed debootstrap left mounted in it."""
    if not root.exists():
        return
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for point in reversed([point for point in mounted if point.startswith(f"{root}/")]):
        subprocess.run(["umount", "--lazy", point], check=True)
    shutil.rmtree(root)


# ---------------------------------------------------------------- all together


def provide_chromium() -> str:
    """Installs Chromium for the browser tests."""
    if shutil.which("chromium") is None:
        install("chromium")
        return "installed"
    return "there already"


def provide_sipp() -> str:
    """Installs sipp for load by SIP."""
    if shutil.which("sipp") is None:
        install("sip-tester")
        return "installed"
    return "there already"


def provide_fonts() -> str:
    """Installs a Japanese font, without which screenshots show boxes."""
    if not japanese_fonts():
        install("fonts-noto-cjk")
        return "installed"
    return "there already"


def oidc_folder() -> Path:
    """Where the OpenID Connect provider lies that the tests sign in at."""
    return cache_folder() / "oidc"


def missing_oidc() -> str | None:
    """Why there is no OpenID Connect provider, or None when there is one."""
    if shutil.which("node") is None:
        return "there is no node on this machine to run an OpenID Connect provider"
    lock = oidc_folder() / "package-lock.json"
    if not (oidc_folder() / ".whole").is_file() or lock.read_bytes() != (OIDC / lock.name).read_bytes():
        return f"there is no OpenID Connect provider in {oidc_folder()}; run `python tests/provision.py --only oidc`"
    return None


def provide_oidc() -> str:
    """Has npm install the provider as the lock file says, digest by digest; no script of a package is run."""
    if missing_oidc() is None:
        return f"there already ({oidc_folder()})"
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Unavailable("node and npm (20 or later) have to be installed to run an OpenID Connect provider")
    shutil.rmtree(oidc_folder(), ignore_errors=True)
    oidc_folder().mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(OIDC / name, oidc_folder())
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(oidc_folder())]
    for _ in range(ATTEMPTS):
        if run(command, os.environ):
            (oidc_folder() / ".whole").touch()
            return f"installed into {oidc_folder()}"
        time.sleep(PAUSE_S)
    raise Unavailable("npm could not install the OpenID Connect provider; see its messages above, and run this again")


def postgresql_programs() -> Path | None:
    """The folder of PostgreSQL's server programs (Debian keeps them out of the path), the newest version's."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def missing_postgresql() -> str | None:
    """Why there is no PostgreSQL, or None when there is one."""
    if postgresql_programs() is None:
        return "there is no PostgreSQL on this machine; run `python tests/provision.py --only postgresql`"
    return None


def provide_postgresql() -> str:
    """Installs PostgreSQL, for what works otherwise where several write at once. The tests start one of their own."""
    if postgresql_programs() is None:
        install("postgresql")
        return "installed"
    return "there already"


PROVIDERS: dict[str, Callable[[], str]] = {
    "asterisk": provide_asterisk,
    "chromium": provide_chromium,
    "sipp": provide_sipp,
    "fonts": provide_fonts,
    "oidc": provide_oidc,
    "postgresql": provide_postgresql,
}


@contextmanager
def alone() -> Iterator[None]:
    """Holds the lock of the cache folder: a second run waits for the first and then finds everything there."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "provision.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another run is at it; waiting for it to end", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        os.set_inheritable(lock.fileno(), True)
        yield


def main(arguments: list[str] | None = None) -> int:
    """Provides everything or what --only names; the exit code for the shell."""
    parser = argparse.ArgumentParser(description="Fetches what the tests need and pip cannot bring.")
    parser.add_argument("--only", choices=PROVIDERS, action="append", help="only this one (may be given several times)")
    wanted = parser.parse_args(arguments).only or list(PROVIDERS)
    skipped = 0
    with alone():
        for name in wanted:
            try:
                print(f"{name}: {PROVIDERS[name]()}", flush=True)
            except Unavailable as reason:
                skipped += 1
                print(f"{name}: skipped: {reason}", flush=True)
    if skipped and no_skip():
        print("Something is missing and YOBIRIN_NO_SKIP=1 forbids to skip it; see above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
