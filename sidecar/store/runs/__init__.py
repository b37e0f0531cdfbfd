"""The tables of the run history.

- `rows`: writes and reads single runs and pages of runs.
- `interrupted`: ends the runs that a process left running.
- `stats`: computes figures over many runs.
- `prune`: finds and deletes old runs.
"""
