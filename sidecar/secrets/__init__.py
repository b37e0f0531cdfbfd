"""The domain of provider keys, which the methods `secrets.*`, the wire and the start share.

It lies above the vault, which knows keys and bytes, and the store, which knows rows; the methods
and chores that use it are in `handlers.secrets`.

- `raw_params`: params that hold a secret, read from the line and overwritten there
- `state`: locked or unlocked, the keys a method needs, and the automatic lock
- `sealed_rows`: the rows of keys, checked as a whole, sealed and opened
- `key_slots`: slots, which wrap the root key, and their items in the keychain
- `open_slot`: opens a slot, with the throttle for wrong passphrases
- `root_key`: sets up, unlocks and resets secrets
- `renew_keys`: new data keys and new root keys
- `unlock_at_start`: unlocking with a passphrase from an inherited descriptor
- `log_refusals`: audit entries of what was refused
"""
