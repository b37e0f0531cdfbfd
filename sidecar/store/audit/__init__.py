"""The audit log: its entries, the chain of codes over them, and their verification."""
