-- Changes of many identities that go on after the call that began them. Units: *_at is Unix microseconds.

-- +goose Up

CREATE TABLE operations (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL, -- op_…
    definition  TEXT NOT NULL, -- JSON
    fingerprint BLOB NOT NULL, -- of the request that began it
    state       TEXT NOT NULL,
    matched     INTEGER NOT NULL DEFAULT 0,
    applied     INTEGER NOT NULL DEFAULT 0,
    failed      INTEGER NOT NULL DEFAULT 0,
    next        INTEGER NOT NULL DEFAULT 0, -- the batch to run next
    problems    TEXT NOT NULL DEFAULT '[]', -- JSON
    leased_until INTEGER NOT NULL DEFAULT 0, -- until then a node has it for a batch
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

-- The one that waits for the longest time comes first.
CREATE INDEX operations_open ON operations (updated_at) WHERE state IN ('preparing', 'running');

CREATE TABLE operation_batches (
    project_id   TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    n            INTEGER NOT NULL, -- from 0
    items        TEXT NOT NULL, -- JSON: names of identities, or their fields
    PRIMARY KEY (project_id, operation_id, n)
) STRICT, WITHOUT ROWID;
