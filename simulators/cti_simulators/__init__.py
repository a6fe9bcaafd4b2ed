"""Simulated exchanges that speak the real protocols."""
