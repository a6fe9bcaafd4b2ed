"""`python -m tests.fuzz --count N [--seed S]`: throws N hostile inputs at every codec and every profile that ships, and
watches that none raises and that memory doesn't grow. Exit status 1 where one does; the seed repeats it."""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections.abc import Callable
from typing import Final

from cti_adapters.exchanges.decoding import AmiDecoder, RecordDecoder
from cti_adapters.exchanges.lane import Decoder
from cti_adapters.profiles import profiles

GROWTH: Final = 16 * 1024
"""KiB that the process may grow by after the warm-up."""
WARM: Final = 2000
_AMI: Final = b"Event: Newchannel\r\nChannel: PJSIP/2001-00000001\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n\r\n"
_BITS: Final = (
    b"\0" * 9,
    b"\xff\xfe",
    b"\x02",
    b"\x03",
    b"\r",
    b"\n\r",
    b'"',
    b",",
    b"|",
    b"-1",
    b"99:99:99",
    b"\xe3\x81",
)
_MOST_HELD: Final = 2 * 65536


def targets() -> list[tuple[str, Callable[[], Decoder], list[bytes]]]:
    """Name, maker and good input of what is fuzzed."""
    found: list[tuple[str, Callable[[], Decoder], list[bytes]]] = [("ami", AmiDecoder, [_AMI])]
    for profile in profiles():
        good = [sample.text.encode() + b"\r\n\r\n" for sample in profile.tests]
        found.append((profile.name, lambda profile=profile: RecordDecoder(profile), good))  # type: ignore[misc]
    return found


def hostile(chance: random.Random, good: list[bytes]) -> bytes:
    """Something like a good input, or nothing like one."""
    data = bytearray(chance.choice(good))
    for _ in range(chance.randint(1, 6)):
        at, act = chance.randrange(len(data) + 1), chance.randrange(6)
        if act == 0:
            data[at:at] = chance.choice(_BITS)
        elif act == 1:
            data[at:at] = chance.randbytes(chance.randint(1, 12))
        elif act == 2:
            del data[at : at + chance.randint(1, 30)]
        elif act == 3 and at < len(data):
            data[at] = chance.randrange(256)
        elif act == 4:
            data[at:at] = data[: chance.randint(0, 60)]
        elif chance.random() < 0.02:
            data[at:at] = bytes([chance.randrange(256)]) * chance.randint(1000, 200_000)
    return bytes(data)


def fuzz(count: int, seed: int) -> list[str]:
    """What went wrong, in sentences."""
    chance = random.Random(seed)
    what = targets()
    running = [make() for _, make, _ in what]
    begun, warm = time.perf_counter(), 0
    for nth in range(count):
        at = chance.randrange(len(what))
        name, _, good = what[at]
        data = hostile(chance, good)
        cut = chance.randrange(len(data) + 1)
        try:
            running[at].feed(data[:cut], 0.0)
            running[at].feed(data[cut:], 0.0)
            if running[at].pending > _MOST_HELD * 16 or chance.random() < 0.05:
                running[at].reset()
        except Exception as problem:
            problem.add_note(f"input {nth} of seed {seed}, {name}: {data[:200]!r}")
            raise
        if nth == min(WARM, count - 1):
            warm = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - warm
    seconds = time.perf_counter() - begun
    print(f"{count} hostile inputs in {seconds:.0f} s, nothing raised; the process grew by {grown} KiB")
    return [f"memory grew by {grown} KiB"] if grown > GROWTH else []


def main() -> int:
    """Fuzzes."""
    parser = argparse.ArgumentParser(prog="tests.fuzz")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    problems = fuzz(arguments.count, arguments.seed)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
