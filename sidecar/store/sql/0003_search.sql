-- Version 3: one normalisation of text for search and for the order of names; where a workflow
-- that was imported came from.

-- What names are ordered by: folded, numbers by their value. The program fills it in.
ALTER TABLE workflows ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
-- Whether the body has more text than the search indexes take.
ALTER TABLE workflows ADD COLUMN text_truncated INTEGER NOT NULL DEFAULT 0
    CHECK (text_truncated IN (0, 1));
-- The tool that wrote the imported document, and the id that it has there.
ALTER TABLE workflows ADD COLUMN source TEXT;
ALTER TABLE workflows ADD COLUMN source_id TEXT;

DROP INDEX workflows_name;
CREATE INDEX workflows_name ON workflows (name_key, id) WHERE archived_at IS NULL;
CREATE INDEX workflows_source ON workflows (source, updated_at) WHERE source IS NOT NULL;
CREATE INDEX workflows_source_id ON workflows (source_id) WHERE source_id IS NOT NULL;
CREATE INDEX workflows_truncated ON workflows (archived_at) WHERE text_truncated = 1;

-- The search indexes keep no text, and take it as the program has folded it: the tokenizer `ascii`
-- takes every character beyond ASCII as part of a word, so that no tables of Unicode inside SQLite
-- matter. They are built in steps while the process serves.
DROP TRIGGER workflows_pending_insert;
DROP TRIGGER workflows_pending_delete;
DROP TRIGGER workflows_pending_update;
DROP TRIGGER bodies_pending_insert;
DROP TRIGGER bodies_pending_update;
DROP TABLE workflows_fts;
DROP TABLE workflows_trigram;
DROP TABLE workflow_text_fts;

-- What a list shows, by words.
CREATE VIRTUAL TABLE search_heads USING fts5 (
    name, tags, description,
    content = '', contentless_delete = 1, tokenize = 'ascii'
);
-- The same by trigrams, for parts of words.
CREATE VIRTUAL TABLE search_parts USING fts5 (
    name, tags, description,
    content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1'
);
-- Name before tags before description, wherever rank is asked for.
INSERT INTO search_heads (search_heads, rank) VALUES ('rank', 'bm25(10.0, 5.0, 2.0)');
INSERT INTO search_parts (search_parts, rank) VALUES ('rank', 'bm25(10.0, 5.0, 2.0)');
-- The text inside bodies, with the header before it, so that a search whose words stand partly here
-- and partly there still finds the workflow.
CREATE VIRTUAL TABLE search_texts USING fts5 (
    text,
    content = '', contentless_delete = 1, tokenize = 'ascii'
);

-- Workflows whose text the indexes do not have yet; see version 1. An index without content needs
-- no old text to forget it.
CREATE TABLE header_pending_new (
    rid INTEGER PRIMARY KEY                     -- of a workflow, perhaps deleted since
) STRICT;
INSERT INTO header_pending_new (rid) SELECT rid FROM header_pending;
DROP TABLE header_pending;
ALTER TABLE header_pending_new RENAME TO header_pending;
CREATE TRIGGER workflows_pending_insert AFTER INSERT ON workflows BEGIN
    INSERT INTO header_pending (rid) VALUES (new.rid) ON CONFLICT (rid) DO NOTHING;
END;
CREATE TRIGGER workflows_pending_delete AFTER DELETE ON workflows BEGIN
    INSERT INTO header_pending (rid) VALUES (old.rid) ON CONFLICT (rid) DO NOTHING;
END;
CREATE TRIGGER workflows_pending_update AFTER UPDATE OF name, description, tags ON workflows
WHEN old.name IS NOT new.name OR old.description IS NOT new.description OR old.tags IS NOT new.tags
BEGIN
    INSERT INTO header_pending (rid) VALUES (new.rid) ON CONFLICT (rid) DO NOTHING;
END;
CREATE TRIGGER bodies_pending_insert AFTER INSERT ON workflow_bodies
WHEN NOT EXISTS (SELECT 1 FROM header_pending WHERE rid = new.rid) BEGIN
    INSERT INTO text_pending (rid) VALUES (new.rid) ON CONFLICT (rid) DO NOTHING;
END;
CREATE TRIGGER bodies_pending_update AFTER UPDATE OF data ON workflow_bodies
WHEN NOT EXISTS (SELECT 1 FROM header_pending WHERE rid = new.rid) BEGIN
    INSERT INTO text_pending (rid) VALUES (new.rid) ON CONFLICT (rid) DO NOTHING;
END;
