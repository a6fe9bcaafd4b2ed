"""For all tests."""

from __future__ import annotations

import signal

# A shell without job control has what it starts in the background ignore Ctrl-C, and so would every server that a test
# starts and ends that way.
signal.signal(signal.SIGINT, signal.default_int_handler)
