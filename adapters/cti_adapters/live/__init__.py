"""Delivery of notices to the screens, and between the daemon and its dashboard process."""
