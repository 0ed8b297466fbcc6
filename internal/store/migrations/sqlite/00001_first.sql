-- The first schema: the control plane and the ledger.
--
-- Units, by a column's name: *_at is Unix microseconds unless a comment says otherwise; hour is Unix hours (Unix seconds /
-- 3600); micros is micro-USD. Columns of the ledger are NOT NULL, so that no sum is NULL.

-- +goose Up

-- One row counts the changes of projects and provider_keys, each in the transaction of the change. So a reader that has
-- seen a revision has seen all changes up to it.
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

-- The ledger's tables refer to projects without a foreign key. A settlement may come after its project was deleted, and
-- must not fail the other changes of its batch.

-- known is 1 if the identity was created or has made a request, and was not deleted since.
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

-- The usage of an hour. Rows of kind 0 are usage. Rows of kind 1 are resets: negative amounts, so that the history stays
-- and sums start again at zero. credit_* is the part that credits paid for.
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

-- The holds of running requests, and of requests whose process has died.
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

-- The answers to calls with an Idempotency-Key, so that each call is applied once.
CREATE TABLE idempotency (
    project_id  TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL, -- of the request: the same key with another body is an error
    status      INTEGER NOT NULL,
    body        BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (project_id, key)
) STRICT, WITHOUT ROWID;

-- The audit trail of the control plane: gifts, promotions, resets and changes of settings, with their reasons.
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
