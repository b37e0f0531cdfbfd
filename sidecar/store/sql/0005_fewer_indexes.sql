-- Version 5: a save and the start of a run write fewer pages. Indexes go that only rare work needs.

-- Which revisions runs refer to is read from the index runs_workflow_started.
DROP INDEX runs_workflow_revision;

-- The rows of a workflow's tags are found by their primary key, which is in the workflow's row.
-- Without an index by workflow a foreign key would read the whole table for each deleted workflow.
CREATE TABLE workflow_tags_new (
    tag TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    workflow INTEGER NOT NULL,                  -- workflows.rid
    PRIMARY KEY (tag, updated_at, workflow)
) STRICT, WITHOUT ROWID;
INSERT INTO workflow_tags_new (tag, updated_at, workflow)
SELECT tag, updated_at, workflow FROM workflow_tags ORDER BY tag, updated_at, workflow;
DROP TABLE workflow_tags;
ALTER TABLE workflow_tags_new RENAME TO workflow_tags;
