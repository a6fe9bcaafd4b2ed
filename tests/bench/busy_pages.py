"""Four browsers that ask for heavy pages all the time: `python -m tests.bench.busy_pages PORT`. Ends with its standard
input; prints how many pages were made."""

from __future__ import annotations

import http.client
import itertools
import sys
import threading

PAGES = ("/calls", "/desk", "/customers?q=Customer", "/report")


def browse(port: int, offset: int, stop: threading.Event, made: list[int]) -> None:
    """One browser, signed in as rep ``offset``."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for page in itertools.islice(itertools.cycle(PAGES), offset, None):
        if stop.is_set():
            return
        link.request("GET", page, headers={"Cookie": f"yobirin=t{offset}"})
        answer = link.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{page} answered {answer.status}")
        made.append(1)


def main() -> None:
    """Asks until told to stop."""
    stop, made = threading.Event(), list[int]()
    browsers = [
        threading.Thread(target=browse, args=(int(sys.argv[1]), number, stop, made), daemon=True) for number in range(4)
    ]
    for browser in browsers:
        browser.start()
    sys.stdin.read()
    stop.set()
    for browser in browsers:
        browser.join(20)
    print(len(made))


if __name__ == "__main__":
    main()
