"""The vault: the formats of sealed bytes, and the keys that are unlocked in this process.

The package uses neither SQL nor files nor the wire. `schema/security.md` describes the formats,
with test vectors beside it; the modules here implement them:

- `crypto`: the cryptographic primitives
- `keys`: the root key and the keys derived from it
- `slot_format`: the root key, wrapped by a passphrase or another secret
- `record_format`: a provider's key, sealed by a data key; the code over all rows
- `recovery_code`: recovery codes as text
- `vault`: the keys while unlocked, and when they must be forgotten
- `refusal_counts`: how often the vault refused something
"""
