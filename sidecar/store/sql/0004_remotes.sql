-- Version 4: remotes, the stores beyond this machine that sealed backups and the log are pushed to.

-- One row for each remote. Its credentials are sealed under a key that the root key derives.
CREATE TABLE remotes (
    name TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    credentials BLOB NOT NULL,                  -- sealed; of an empty text where there are none
    with_passphrase INTEGER NOT NULL CHECK (with_passphrase IN (0, 1)),
    created_at INTEGER NOT NULL,
    pushed_at INTEGER,                          -- when a push last succeeded
    failed_at INTEGER,                          -- when pushes began to fail; null while they do not
    failure TEXT                                -- why, as in the vocabulary RemoteFault
) STRICT, WITHOUT ROWID;

-- Every head that a device of this file has signed for a remote, in order. A head is written here
-- before it is sent, so that after a kill the same one is sent again.
CREATE TABLE remote_heads (
    remote TEXT NOT NULL,                       -- remotes.name
    device TEXT NOT NULL,                       -- what the names of the device's objects begin with
    n INTEGER NOT NULL,                         -- 1, 2, 3 ... without gaps
    kind TEXT NOT NULL CHECK (kind IN ('keys', 'audit', 'backup', 'pruned')),
    object TEXT NOT NULL,                       -- name of the object, or of its first part
    subject TEXT NOT NULL,                      -- name of the backup, last entry, or hash of keys
    size_bytes INTEGER NOT NULL,
    head TEXT NOT NULL,                         -- the signed head
    sent INTEGER NOT NULL CHECK (sent IN (0, 1)),
    PRIMARY KEY (remote, device, n)
) STRICT, WITHOUT ROWID;

-- The identities that sealed something: what opens it, and what the heads are signed with. The
-- newest one of this device seals; the others only open.
CREATE TABLE remote_identities (
    recipient BLOB NOT NULL PRIMARY KEY,        -- public key that is sealed for
    verifier BLOB NOT NULL,                     -- public key that verifies its signatures
    device TEXT NOT NULL,
    sealed BLOB NOT NULL,                       -- both secret keys, sealed as the credentials are
    created_at INTEGER NOT NULL,
    retired INTEGER NOT NULL CHECK (retired IN (0, 1))
) STRICT, WITHOUT ROWID;
