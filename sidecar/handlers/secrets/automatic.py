"""The chores of secrets: lock, rotate, erase old keys, log counted refusals."""

from sidecar.catalog import chore
from sidecar.secrets.log_refusals import REFUSALS_CHORE, write_counts_if_any
from sidecar.secrets.renew_keys import ROTATE_CHORE, rotate_if_due
from sidecar.secrets.root_key import erase_old_keys
from sidecar.secrets.state import ERASE_CHORE, LOCK_CHORE, lock_if_due

chore(LOCK_CHORE)(lock_if_due)
chore(ERASE_CHORE)(erase_old_keys)
chore(REFUSALS_CHORE)(write_counts_if_any)
chore(ROTATE_CHORE)(rotate_if_due)
