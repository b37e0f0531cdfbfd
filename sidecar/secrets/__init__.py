"""Provider keys as a domain: the state of the vault, the slots and the log of refusals."""
