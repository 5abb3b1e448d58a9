"""Fixtures that tests of every package may use."""
