-- Version 2: runs that tell the truth over a restart, a wait and a bad payload; a renamed setting.

-- When the run was found to have been running as its process ended; null for all other runs, also
-- for one that was taken up again. Its status is 'error' meanwhile.
ALTER TABLE runs ADD COLUMN interrupted_at INTEGER;
-- Whether a running run awaits a person or a time: a restart then does not interrupt it.
ALTER TABLE runs ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0 CHECK (waiting IN (0, 1));
-- What caused the run, in the words of the app.
ALTER TABLE runs ADD COLUMN trigger TEXT;
-- Whether the error message is not stored as it was sent: cut, or with characters replaced.
ALTER TABLE runs ADD COLUMN message_truncated INTEGER NOT NULL DEFAULT 0
    CHECK (message_truncated IN (0, 1));
-- What became of the summary; null where none was sent.
ALTER TABLE runs ADD COLUMN summary_state TEXT
    CHECK (summary_state IN ('kept', 'truncated', 'repaired', 'dropped'));
UPDATE runs SET summary_state = iif(summary_bytes > 1048576, 'truncated', 'kept')
WHERE summary_bytes IS NOT NULL;

-- Covers a page of one workflow, with the new columns.
DROP INDEX runs_workflow_started;
CREATE INDEX runs_workflow_started ON runs (
    workflow, started_at, rid, id, revision, status, completed_at, duration_ms, has_message,
    blocks_executed, tokens_used, api_calls_made, summary_bytes, pinned, interrupted_at, waiting,
    trigger, message_truncated, summary_state
);
CREATE INDEX runs_interrupted ON runs (started_at) WHERE interrupted_at IS NOT NULL;
CREATE INDEX runs_trigger ON runs (trigger, started_at) WHERE trigger IS NOT NULL;

-- Workflows by their last run; those that never ran stand in it by `rid`.
CREATE INDEX workflows_last_run ON workflows (last_run_at) WHERE archived_at IS NULL;

-- The setting trash_keep_days is called archive_keep_days. A setting of an app that has this name
-- survives as app.archive_keep_days, with the next free number where that is taken, too.
UPDATE settings SET key = (
    WITH RECURSIVE names (number, name) AS (
        SELECT 1, 'app.archive_keep_days'
        UNION ALL
        SELECT number + 1, 'app.archive_keep_days_' || (number + 1) FROM names
        WHERE name IN (SELECT key FROM settings)
    )
    SELECT name FROM names ORDER BY number DESC LIMIT 1
)
WHERE key = 'archive_keep_days';
UPDATE settings SET key = 'archive_keep_days' WHERE key = 'trash_keep_days';
