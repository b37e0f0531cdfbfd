"""The audit log: its entries, the chain of codes over them, and their verification.

- `log`: appends and reads entries, seals the chain and removes pruned entries.
- `chain`: the arithmetic of the chain, without any table.
- `verify`: recomputes the chain and reports the first entry that does not fit.
- `export`: writes the log as a file that another program can check.
- `actions`: the names of all acts that the log records.
"""
