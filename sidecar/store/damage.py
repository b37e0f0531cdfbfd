"""Is the file really damaged, and can what is damaged be made anew from what is not?"""

from typing import Final

CHORE: Final = "integrity"
"""Name of the chore that confirms a suspicion on a connection of its own."""
