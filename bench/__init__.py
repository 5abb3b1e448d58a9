"""Benchmarks: our operations beside hand-written SQL that does the same, in the same run."""
