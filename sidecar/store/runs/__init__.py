"""The tables of the run history.

- `rows`: writes and reads single runs and pages of runs.
- `stats`: computes figures over many runs.
- `prune`: finds and deletes old runs.
"""
