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
