"""Yobirin: a telephony-first CTI server. The core rooms, their wiring and the `cti` command."""
