"""Benchmarks: they print figures and bars, and end with 1 where a bar is missed. Not part of the test command."""
