"""For all tests."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# A shell without job control has what it starts in the background ignore Ctrl-C, and so would every server that a test
# starts and ends that way.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of the machine than of the code.
settings.register_profile("yobirin", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("yobirin")
