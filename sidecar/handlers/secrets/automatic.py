"""What secrets do by themselves: lock, rotate, erase old keys, log counted refusals."""

from sidecar import limits
from sidecar.catalog import chore
from sidecar.secrets.log_refusals import REFUSALS_CHORE, write_counts_if_any
from sidecar.secrets.renew_keys import ROTATE_CHORE, rotate_if_due
from sidecar.secrets.root_key import erase_old_keys
from sidecar.secrets.state import ERASE_CHORE, LOCK_CHORE, lock_if_due

chore(LOCK_CHORE, first_ms=limits.LOCK_CHECK_MS, waits_for_none=True)(lock_if_due)
chore(ERASE_CHORE, first_ms=limits.CHORES_FIRST_MS)(erase_old_keys)
chore(REFUSALS_CHORE, first_ms=limits.REFUSALS_FOLDED_MS)(write_counts_if_any)
chore(ROTATE_CHORE, first_ms=limits.DATA_KEY_CHECK_MS, every_ms=limits.DATA_KEY_CHECK_MS)(
    rotate_if_due
)
