"""Reviewing: what a record claims, what a reviewer asks for, how they look at it again."""
