"""The tables of the run history: rows, statistics and pruning."""
