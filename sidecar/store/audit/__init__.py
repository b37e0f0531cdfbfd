"""The audit log: its entries, the chain of codes over them, and their verification.

- `log`: appends and reads entries, seals the chain and removes pruned entries.
- `chain`: the arithmetic of the chain, without any table.
- `verify`: recomputes the chain and reports the first entry that does not fit.
- `export`: writes the log into a file that other programs can check.
- `actions`: the names of all acts that the log records.
"""

from sidecar.store.audit.export import write_log
from sidecar.store.audit.log import (
    Entry,
    Sealer,
    append,
    begin_chain,
    checkpoint,
    count_after,
    delete_pruned,
    entries,
    has_action,
    head,
    is_sealed,
    last_seq_before,
    pruned_through,
    reseal,
    restart_sealed,
    restart_unsealed,
    seal,
    seal_existing_vault,
    set_start,
)
from sidecar.store.audit.verify import (
    CONTINUES,
    Head,
    Opener,
    Reason,
    Status,
    Verdict,
    point_at,
    verify_chain,
)

__all__ = [
    "CONTINUES",
    "Entry",
    "Head",
    "Opener",
    "Reason",
    "Sealer",
    "Status",
    "Verdict",
    "append",
    "begin_chain",
    "checkpoint",
    "count_after",
    "delete_pruned",
    "entries",
    "has_action",
    "head",
    "is_sealed",
    "last_seq_before",
    "point_at",
    "pruned_through",
    "reseal",
    "restart_sealed",
    "restart_unsealed",
    "seal",
    "seal_existing_vault",
    "set_start",
    "verify_chain",
    "write_log",
]
