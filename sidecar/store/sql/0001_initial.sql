-- Version 1 of the database: every table of the product, also those whose methods come later,
-- so that later capabilities add code and not rebuilds. Never edited once released.
--
-- Times are integer milliseconds since the Unix epoch, UTC (`_at`); durations `_ms`; sizes
-- `_bytes`. Every text id has an integer key `rid` below it: search indexes hang on it, and
-- VACUUM or a table rebuild must not renumber it.

-- Facts about this file: store_id, epoch, clean_end, purge_pending, created_at.
CREATE TABLE meta (
    key TEXT PRIMARY KEY NOT NULL,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Workflows without their bodies: what lists read.
CREATE TABLE workflows (
    rid INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,                    -- chosen by the client or a UUIDv7
    name TEXT NOT NULL,
    description TEXT,
    tags TEXT NOT NULL DEFAULT '[]',            -- JSON array of strings, also what is indexed
    category TEXT NOT NULL DEFAULT 'general',
    revision INTEGER NOT NULL,                  -- from 1, rises with every change of content
    content_sha256 BLOB NOT NULL,               -- of the body's bytes
    size_bytes INTEGER NOT NULL,                -- of the body
    stored_bytes INTEGER NOT NULL,              -- of the body, compressed
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    archived_at INTEGER,                        -- null while live
    run_count INTEGER NOT NULL DEFAULT 0,       -- kept in the run's transaction
    last_run_at INTEGER                         -- start of the newest run
) STRICT;
CREATE INDEX workflows_updated ON workflows (updated_at) WHERE archived_at IS NULL;
CREATE INDEX workflows_created ON workflows (created_at) WHERE archived_at IS NULL;
CREATE INDEX workflows_name ON workflows (name COLLATE NOCASE, id) WHERE archived_at IS NULL;
CREATE INDEX workflows_category ON workflows (category, updated_at) WHERE archived_at IS NULL;
CREATE INDEX workflows_archived ON workflows (archived_at) WHERE archived_at IS NOT NULL;

-- The bodies, apart, so that a list never touches their pages.
CREATE TABLE workflow_bodies (
    rid INTEGER PRIMARY KEY REFERENCES workflows (rid) ON DELETE CASCADE,
    data BLOB NOT NULL                          -- one gzip member over the JSON as it was sent
) STRICT;

-- The tags once more, one a row, for lists by tag; updated_at follows the workflow's.
CREATE TABLE workflow_tags (
    tag TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    workflow INTEGER NOT NULL REFERENCES workflows (rid) ON DELETE CASCADE,
    PRIMARY KEY (tag, updated_at, workflow)
) STRICT, WITHOUT ROWID;
CREATE INDEX workflow_tags_workflow ON workflow_tags (workflow);

-- Replaced content. A body comes here as it was stored and is packed in a pause: one whole zstd
-- frame in each ten revisions, the others with it as dictionary.
CREATE TABLE workflow_revisions (
    rid INTEGER PRIMARY KEY,
    workflow INTEGER NOT NULL REFERENCES workflows (rid) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    metadata TEXT NOT NULL,                     -- JSON: name, description, tags, category
    form TEXT NOT NULL CHECK (form IN ('stored', 'plain', 'key', 'delta', 'same')),
    data BLOB,                                  -- stored (to be packed), plain (not to be): gzip;
                                                -- key, delta: zstd; same: null, as the next one's
    sha256 BLOB NOT NULL,                       -- of the body
    size_bytes INTEGER NOT NULL,                -- of the body
    created_at INTEGER NOT NULL,                -- when this revision was saved
    UNIQUE (workflow, revision)
) STRICT;
CREATE INDEX revisions_stored ON workflow_revisions (workflow, revision) WHERE form = 'stored';

-- The seed's index over what a list shows, and trigrams over the same for CJK and substrings.
-- Both read their text from `workflows` and are brought up to date from `search_pending`.
CREATE VIRTUAL TABLE workflows_fts USING fts5 (
    name, description, tags,
    content = 'workflows', content_rowid = 'rid',
    tokenize = 'unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE workflows_trigram USING fts5 (
    name, description, tags,
    content = 'workflows', content_rowid = 'rid',
    tokenize = 'trigram remove_diacritics 1'
);
-- Name before tags before description, wherever rank is asked for.
INSERT INTO workflows_fts (workflows_fts, rank) VALUES ('rank', 'bm25(10.0, 2.0, 5.0)');
INSERT INTO workflows_trigram (workflows_trigram, rank) VALUES ('rank', 'bm25(10.0, 2.0, 5.0)');

-- The text inside bodies, with name, description and tags before it, so that a search whose words
-- stand partly here and partly there still finds the workflow. No copy of the text is kept.
CREATE VIRTUAL TABLE workflow_text_fts USING fts5 (
    text,
    content = '', contentless_delete = 1, detail = 'column',
    tokenize = 'unicode61 remove_diacritics 2'
);

-- Workflows whose text the indexes do not say yet. A save leaves its rows here by trigger; they are
-- worked off together before the next search or in a pause: an index of many small writes costs a
-- save a third of its time, and taking the text out of a body as much as saving it.
CREATE TABLE header_pending (
    rid INTEGER PRIMARY KEY,                    -- of a workflow, perhaps deleted since
    indexed INTEGER NOT NULL CHECK (indexed IN (0, 1)), -- whether the indexes hold the text below
    name TEXT,
    description TEXT,
    tags TEXT
) STRICT;
CREATE TABLE text_pending (
    rid INTEGER PRIMARY KEY                     -- of a workflow, perhaps deleted since
) STRICT;
CREATE TRIGGER workflows_pending_insert AFTER INSERT ON workflows BEGIN
    INSERT INTO header_pending (rid, indexed) VALUES (new.rid, 0) ON CONFLICT (rid) DO NOTHING;
END;
CREATE TRIGGER workflows_pending_delete AFTER DELETE ON workflows BEGIN
    INSERT INTO header_pending (rid, indexed, name, description, tags)
    VALUES (old.rid, 1, old.name, old.description, old.tags)
    ON CONFLICT (rid) DO NOTHING;
END;
CREATE TRIGGER workflows_pending_update AFTER UPDATE OF name, description, tags ON workflows
WHEN old.name IS NOT new.name OR old.description IS NOT new.description OR old.tags IS NOT new.tags
BEGIN
    INSERT INTO header_pending (rid, indexed, name, description, tags)
    VALUES (old.rid, 1, old.name, old.description, old.tags)
    ON CONFLICT (rid) DO NOTHING;
END;
CREATE TRIGGER bodies_pending_insert AFTER INSERT ON workflow_bodies
WHEN NOT EXISTS (SELECT 1 FROM header_pending WHERE rid = new.rid) BEGIN
    INSERT INTO text_pending (rid) VALUES (new.rid) ON CONFLICT (rid) DO NOTHING;
END;
CREATE TRIGGER bodies_pending_update AFTER UPDATE OF data ON workflow_bodies
WHEN NOT EXISTS (SELECT 1 FROM header_pending WHERE rid = new.rid) BEGIN
    INSERT INTO text_pending (rid) VALUES (new.rid) ON CONFLICT (rid) DO NOTHING;
END;

-- Runs without their summaries: what run pages read.
CREATE TABLE runs (
    rid INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    workflow INTEGER NOT NULL REFERENCES workflows (rid) ON DELETE CASCADE,
    revision INTEGER NOT NULL,                  -- of the workflow when the run began
    status TEXT NOT NULL CHECK (status IN ('running', 'success', 'error', 'cancelled')),
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,                   -- last sign of life while running
    completed_at INTEGER,
    duration_ms INTEGER,
    error_message TEXT,
    has_message INTEGER NOT NULL AS (error_message IS NOT NULL) STORED, -- pages fetch the few texts
    blocks_executed INTEGER NOT NULL DEFAULT 0,
    tokens_used INTEGER NOT NULL DEFAULT 0,
    api_calls_made INTEGER NOT NULL DEFAULT 0,
    summary_bytes INTEGER,                      -- true size of the summary as sent, null without one
    stored_bytes INTEGER,                       -- of the summary as kept, compressed
    pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1))
) STRICT;
-- Covers a page of one workflow: its runs lie in as many pages of the table as there are runs.
CREATE INDEX runs_workflow_started ON runs (
    workflow, started_at, rid, id, revision, status, completed_at, duration_ms, has_message,
    blocks_executed, tokens_used, api_calls_made, summary_bytes, pinned
);
CREATE INDEX runs_workflow_revision ON runs (workflow, revision); -- which revisions runs refer to
CREATE INDEX runs_status_started ON runs (status, started_at);
CREATE INDEX runs_started ON runs (started_at);

CREATE TABLE run_summaries (
    rid INTEGER PRIMARY KEY REFERENCES runs (rid) ON DELETE CASCADE,
    data BLOB NOT NULL,                         -- gzip over the JSON as sent, or over its first MiB
    sha256 BLOB NOT NULL                        -- of the bytes kept
) STRICT;

CREATE TABLE settings (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL,                        -- JSON text of the typed value
    value_type TEXT NOT NULL CHECK (value_type IN ('string', 'number', 'boolean', 'json')),
    description TEXT,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The audit log: each mac covers the entry before it, under a key that only moves forward.
CREATE TABLE access_log (
    seq INTEGER PRIMARY KEY,                    -- explicit, without gaps, never reused
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    at INTEGER NOT NULL,
    details TEXT NOT NULL DEFAULT '{}',         -- JSON: ids, revisions, counts; never titles or values
    mac BLOB NOT NULL
) STRICT;
CREATE INDEX access_log_at ON access_log (at);
CREATE INDEX access_log_action ON access_log (action);
CREATE INDEX access_log_resource ON access_log (resource);

-- The chain's one state row, written with every entry.
CREATE TABLE audit_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,                       -- of the newest entry, 0 before the first
    head BLOB NOT NULL,                         -- its mac
    next_key BLOB NOT NULL,                     -- key of the entry to come
    pruned_through INTEGER NOT NULL DEFAULT 0,  -- newest entry that was pruned, 0 for none
    start_seq INTEGER NOT NULL DEFAULT 0,       -- entry after which verifying starts
    start BLOB,                                 -- its code and the key after it, in clear
    sealed_start BLOB,                          -- the same, sealed: then `start` is null
    unsealed_through INTEGER NOT NULL DEFAULT 0 -- entries whose key once lay here in clear
) STRICT;

-- Sealed checkpoints of the chain: head and next key after an entry.
CREATE TABLE audit_anchors (
    seq INTEGER PRIMARY KEY,
    sealed BLOB NOT NULL
) STRICT;

-- Provider keys, sealed; the columns are the seed's.
CREATE TABLE secrets (
    provider TEXT PRIMARY KEY NOT NULL,
    encrypted_value BLOB NOT NULL,
    key_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;

-- Providers whose key an older program sealed with Stronghold: to be entered again.
CREATE TABLE legacy_secrets (
    provider TEXT PRIMARY KEY NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE key_slots (
    slot INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('passphrase', 'keychain', 'recovery')),
    label TEXT NOT NULL,
    backend TEXT,
    generation INTEGER NOT NULL,
    blob BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE data_keys (
    key_id INTEGER PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('active', 'retired')),
    wrapped BLOB NOT NULL,
    seal_count INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;

-- What belongs to all secrets at once.
CREATE TABLE vault_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL DEFAULT 0,      -- rises with every write; a record's version
    root BLOB,                                  -- keyed code over all secrets and data keys
    failures INTEGER NOT NULL DEFAULT 0,        -- wrong passphrases in a row
    failed_at INTEGER NOT NULL DEFAULT 0        -- when the last one was
) STRICT;
INSERT INTO vault_state (one) VALUES (1);

-- Which migration steps this file has taken.
CREATE TABLE migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;
