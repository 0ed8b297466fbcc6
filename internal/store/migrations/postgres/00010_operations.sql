-- Changes of many identities that go on after the call that began them. Units: *_at is Unix microseconds.

-- +goose Up

CREATE TABLE operations (
    project_id  text COLLATE "C" NOT NULL,
    id          text COLLATE "C" NOT NULL, -- op_…
    definition  text COLLATE "C" NOT NULL, -- JSON
    fingerprint bytea NOT NULL, -- of the request that began it
    state       text COLLATE "C" NOT NULL,
    matched     bigint NOT NULL DEFAULT 0,
    applied     bigint NOT NULL DEFAULT 0,
    failed      bigint NOT NULL DEFAULT 0,
    next        bigint NOT NULL DEFAULT 0, -- the batch to run next
    problems    text COLLATE "C" NOT NULL DEFAULT '[]', -- JSON
    leased_until bigint NOT NULL DEFAULT 0, -- until then a node has it for a batch
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL,
    PRIMARY KEY (project_id, id)
);

-- The one that waits for the longest time comes first.
CREATE INDEX operations_open ON operations (updated_at) WHERE state IN ('preparing', 'running');

CREATE TABLE operation_batches (
    project_id   text COLLATE "C" NOT NULL,
    operation_id text COLLATE "C" NOT NULL,
    n            bigint NOT NULL, -- from 0
    items        text COLLATE "C" NOT NULL, -- JSON: names of identities, or their fields
    PRIMARY KEY (project_id, operation_id, n)
);
