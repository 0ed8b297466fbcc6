-- The first schema, control plane and ledger.
--
-- Units, by name: *_at is Unix microseconds unless its comment says otherwise; hour is Unix hours
-- (Unix seconds / 3600); micros is micro-USD. Columns of the ledger are NOT NULL so that no sum
-- ever meets a NULL.

-- +goose Up

-- One row counts every change of projects and provider_keys, in the transaction of the change:
-- who has seen a revision has seen everything up to it.
CREATE TABLE revision (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    value INTEGER NOT NULL
) STRICT;
INSERT INTO revision (id, value) VALUES (1, 0);

CREATE TABLE projects (
    id          TEXT    PRIMARY KEY NOT NULL, -- pk_…
    settings    TEXT    NOT NULL,             -- JSON, without provider keys
    secret_id   TEXT    NOT NULL UNIQUE,      -- the public part of the sk_…
    secret_hash BLOB    NOT NULL,             -- SHA-256 of the whole sk_…
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    revision    INTEGER NOT NULL              -- revision.value of its last change
) STRICT, WITHOUT ROWID;

CREATE TABLE provider_keys (
    project_id TEXT    NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    provider   TEXT    NOT NULL,
    sealed     TEXT    NOT NULL, -- AES-256-GCM, associated data project_id/provider
    mask       TEXT    NOT NULL, -- what of it a person is shown
    PRIMARY KEY (project_id, provider)
) STRICT, WITHOUT ROWID;

-- The ledger's tables refer to projects without a foreign key: a running request's settlement may
-- come after its project was deleted, and must not fail the batch it shares with others.

-- known: 1 once created or seen in traffic, 0 after its settings were deleted.
CREATE TABLE identities (
    project_id      TEXT    NOT NULL,
    identity        TEXT    NOT NULL,
    known           INTEGER NOT NULL DEFAULT 0,
    settings        TEXT    NOT NULL DEFAULT '', -- JSON, '' none
    credit_requests INTEGER NOT NULL DEFAULT 0,
    credit_tokens   INTEGER NOT NULL DEFAULT 0,
    credit_micros   INTEGER NOT NULL DEFAULT 0,
    unlimited_until INTEGER NOT NULL DEFAULT 0,  -- Unix microseconds, 0 none
    burst_at        INTEGER NOT NULL DEFAULT 0,  -- Unix nanoseconds: GCRA's theoretical arrival time, 0 none
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    PRIMARY KEY (project_id, identity)
) STRICT, WITHOUT ROWID;

-- What was used in an hour. kind 0: used; kind 1: taken back by a reset, as negative amounts, so that
-- history stays and sums restart. credit_*: the part of it that credits paid.
CREATE TABLE usage (
    project_id      TEXT    NOT NULL,
    identity        TEXT    NOT NULL,
    hour            INTEGER NOT NULL,
    model           TEXT    NOT NULL,
    tier            TEXT    NOT NULL, -- '' none
    kind            INTEGER NOT NULL CHECK (kind IN (0, 1)),
    requests        INTEGER NOT NULL DEFAULT 0,
    tokens          INTEGER NOT NULL DEFAULT 0,
    micros          INTEGER NOT NULL DEFAULT 0,
    credit_requests INTEGER NOT NULL DEFAULT 0,
    credit_tokens   INTEGER NOT NULL DEFAULT 0,
    credit_micros   INTEGER NOT NULL DEFAULT 0,
    input_tokens    INTEGER NOT NULL DEFAULT 0,
    output_tokens   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, identity, hour, model, tier, kind)
) STRICT, WITHOUT ROWID;

-- Requests that are running, or whose process died: what each may use at most.
CREATE TABLE holds (
    id              INTEGER PRIMARY KEY,
    project_id      TEXT    NOT NULL,
    identity        TEXT    NOT NULL,
    model           TEXT    NOT NULL,
    tier            TEXT    NOT NULL,
    hour            INTEGER NOT NULL, -- of its admission: the period it belongs to
    requests        INTEGER NOT NULL DEFAULT 0,
    tokens          INTEGER NOT NULL DEFAULT 0,
    micros          INTEGER NOT NULL DEFAULT 0,
    credit_requests INTEGER NOT NULL DEFAULT 0,
    credit_tokens   INTEGER NOT NULL DEFAULT 0,
    credit_micros   INTEGER NOT NULL DEFAULT 0,
    admitted_at     INTEGER NOT NULL
) STRICT;

-- Answers of calls that came with an Idempotency-Key, so that each is applied once.
CREATE TABLE idempotency (
    project_id  TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL, -- of the request: the same key with another body is an error
    status      INTEGER NOT NULL,
    body        BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (project_id, key)
) STRICT, WITHOUT ROWID;

-- Gifts, promotions, resets: who got what, and why.
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY,
    project_id TEXT    NOT NULL,
    identity   TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    reason     TEXT    NOT NULL DEFAULT '',
    detail     TEXT    NOT NULL DEFAULT '{}', -- JSON
    at         INTEGER NOT NULL               -- Unix microseconds
) STRICT;
CREATE INDEX audit_account ON audit (project_id, identity, at);
