-- Usage added up for reports. internal/store/rollup.go writes these tables; they are never read to decide on a request.
--
-- hour is Unix hours, day is Unix days, both UTC. split is 0 for models, 1 for tiers, 2 for outcomes, 3 for error codes.

-- +goose Up

-- What the ledger and the counters of the gateway have counted and the other tables lack: entries of package rollup. A row
-- is written in the transaction whose usage it counts, and deleted in the transaction that adds it up.
CREATE TABLE rollup_pending (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    entries BLOB NOT NULL
) STRICT;

-- One row. folds counts the transactions that added something up. built is 0 until the usage from before this table is
-- added up. pruned is the day of the last removal of old rows.
CREATE TABLE rollup_state (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    folds  INTEGER NOT NULL,
    built  INTEGER NOT NULL,
    pruned INTEGER NOT NULL
) STRICT;
INSERT INTO rollup_state (id, folds, built, pruned) VALUES (1, 0, 0, 0);

-- What is known of a project: its first and last admitted request, its last refused one. built is 1 once its earlier usage
-- is added up.
CREATE TABLE rollup_projects (
    project_id  TEXT    PRIMARY KEY NOT NULL,
    built       INTEGER NOT NULL DEFAULT 0,
    first_at    INTEGER NOT NULL DEFAULT 0, -- Unix microseconds, 0 none
    last_at     INTEGER NOT NULL DEFAULT 0,
    refused_at  INTEGER NOT NULL DEFAULT 0,
    refused_for TEXT    NOT NULL DEFAULT '' -- the error code
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_total (
    project_id TEXT    NOT NULL,
    hour       INTEGER NOT NULL,
    requests   INTEGER NOT NULL DEFAULT 0,
    tokens     INTEGER NOT NULL DEFAULT 0,
    micros     INTEGER NOT NULL DEFAULT 0,
    refused    INTEGER NOT NULL DEFAULT 0,
    active     INTEGER NOT NULL DEFAULT 0, -- identities with usage, an estimate
    created    INTEGER NOT NULL DEFAULT 0, -- identities that did not exist before
    PRIMARY KEY (project_id, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_hour (
    project_id TEXT    NOT NULL,
    split      INTEGER NOT NULL,
    hour       INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    requests   INTEGER NOT NULL DEFAULT 0,
    tokens     INTEGER NOT NULL DEFAULT 0,
    micros     INTEGER NOT NULL DEFAULT 0,
    refused    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, split, hour, key)
) STRICT, WITHOUT ROWID;

-- The sums of usage_hour by day. last is the last hour with any.
CREATE TABLE usage_day (
    project_id TEXT    NOT NULL,
    split      INTEGER NOT NULL,
    day        INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    requests   INTEGER NOT NULL DEFAULT 0,
    tokens     INTEGER NOT NULL DEFAULT 0,
    micros     INTEGER NOT NULL DEFAULT 0,
    refused    INTEGER NOT NULL DEFAULT 0,
    last       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, split, day, key)
) STRICT, WITHOUT ROWID;

-- HyperLogLog sketches of the identities with usage.
CREATE TABLE active_hour (
    project_id TEXT    NOT NULL,
    hour       INTEGER NOT NULL,
    sketch     BLOB    NOT NULL,
    PRIMARY KEY (project_id, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE active_day (
    project_id TEXT    NOT NULL,
    day        INTEGER NOT NULL,
    sketch     BLOB    NOT NULL,
    PRIMARY KEY (project_id, day)
) STRICT, WITHOUT ROWID;

-- The identities with the largest usage of a day that is not closed. When it closes, each metric (0 requests, 1 tokens,
-- 2 cost) keeps its first thousand.
CREATE TABLE top_open (
    project_id TEXT    NOT NULL,
    day        INTEGER NOT NULL,
    entries    BLOB    NOT NULL,
    PRIMARY KEY (project_id, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX top_open_day ON top_open (day);

CREATE TABLE top_day (
    project_id TEXT    NOT NULL,
    metric     INTEGER NOT NULL,
    day        INTEGER NOT NULL,
    entries    BLOB    NOT NULL,
    PRIMARY KEY (project_id, metric, day)
) STRICT, WITHOUT ROWID;

-- Refused requests. metric is of the limit that refused, '' for none. Models that neither the settings nor the price book
-- name are ''.
CREATE TABLE refusals (
    project_id TEXT    NOT NULL,
    hour       INTEGER NOT NULL,
    code       TEXT    NOT NULL,
    metric     TEXT    NOT NULL,
    model      TEXT    NOT NULL,
    tier       TEXT    NOT NULL,
    refused    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, hour, code, metric, model, tier)
) STRICT, WITHOUT ROWID;

-- The identities whose requests were refused most often.
CREATE TABLE refused_identities (
    project_id TEXT    NOT NULL,
    hour       INTEGER NOT NULL,
    entries    BLOB    NOT NULL,
    PRIMARY KEY (project_id, hour)
) STRICT, WITHOUT ROWID;

-- Limits of which an identity had used at least half after its last request. Reports check each with the ledger.
CREATE TABLE near_limits (
    project_id TEXT    NOT NULL,
    identity   TEXT    NOT NULL,
    metric     TEXT    NOT NULL,
    scope      TEXT    NOT NULL,
    model      TEXT    NOT NULL,
    tier       TEXT    NOT NULL,
    used       INTEGER NOT NULL, -- in thousandths of the limit
    resets_at  INTEGER NOT NULL, -- Unix microseconds
    PRIMARY KEY (project_id, identity, metric, scope, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX near_limits_used ON near_limits (project_id, used, identity, metric, scope, model);
CREATE INDEX near_limits_resets_at ON near_limits (resets_at, project_id, identity, metric, scope, model);
