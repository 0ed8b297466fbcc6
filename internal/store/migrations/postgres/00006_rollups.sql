-- Usage added up for reports. internal/store/rollup.go writes these tables; they are never read to decide on a request.
--
-- hour is Unix hours, day is Unix days, both UTC. split is 0 for models, 1 for tiers, 2 for outcomes, 3 for error codes.

-- +goose Up

-- What the ledger and the counters of the gateway have counted and the other tables lack: entries of package rollup. A row
-- is written in the transaction whose usage it counts, and deleted in the transaction that adds it up. It is small, so it
-- stays in one page and uncompressed.
CREATE TABLE rollup_pending (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entries bytea NOT NULL
) WITH (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE rollup_pending ALTER COLUMN entries SET STORAGE EXTERNAL;

-- One row. folds counts the transactions that added something up. built is false until the usage from before this table is
-- added up. pruned is the day of the last removal of old rows.
CREATE TABLE rollup_state (
    id     smallint PRIMARY KEY CHECK (id = 1),
    folds  bigint NOT NULL,
    built  boolean NOT NULL,
    pruned bigint NOT NULL
);
INSERT INTO rollup_state (id, folds, built, pruned) VALUES (1, 0, false, 0);

-- What is known of a project: its first and last admitted request, its last refused one. built is true once its earlier usage
-- is added up.
CREATE TABLE rollup_projects (
    project_id  text COLLATE "C" PRIMARY KEY,
    built       boolean NOT NULL DEFAULT false,
    first_at    bigint NOT NULL DEFAULT 0, -- Unix microseconds, 0 none
    last_at     bigint NOT NULL DEFAULT 0,
    refused_at  bigint NOT NULL DEFAULT 0,
    refused_for text COLLATE "C" NOT NULL DEFAULT '' -- the error code
) WITH (fillfactor = 80);

CREATE TABLE usage_total (
    project_id text COLLATE "C" NOT NULL,
    hour       bigint NOT NULL,
    requests   bigint NOT NULL DEFAULT 0,
    tokens     bigint NOT NULL DEFAULT 0,
    micros     bigint NOT NULL DEFAULT 0,
    refused    bigint NOT NULL DEFAULT 0,
    active     bigint NOT NULL DEFAULT 0, -- identities with usage, an estimate
    created    bigint NOT NULL DEFAULT 0, -- identities that did not exist before
    PRIMARY KEY (project_id, hour)
) WITH (fillfactor = 80);

CREATE TABLE usage_hour (
    project_id text COLLATE "C" NOT NULL,
    split      smallint NOT NULL,
    hour       bigint NOT NULL,
    key        text COLLATE "C" NOT NULL,
    requests   bigint NOT NULL DEFAULT 0,
    tokens     bigint NOT NULL DEFAULT 0,
    micros     bigint NOT NULL DEFAULT 0,
    refused    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, split, hour, key)
) WITH (fillfactor = 80);

-- The sums of usage_hour by day. last is the last hour with any.
CREATE TABLE usage_day (
    project_id text COLLATE "C" NOT NULL,
    split      smallint NOT NULL,
    day        bigint NOT NULL,
    key        text COLLATE "C" NOT NULL,
    requests   bigint NOT NULL DEFAULT 0,
    tokens     bigint NOT NULL DEFAULT 0,
    micros     bigint NOT NULL DEFAULT 0,
    refused    bigint NOT NULL DEFAULT 0,
    last       bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, split, day, key)
) WITH (fillfactor = 80);

-- HyperLogLog sketches of the identities with usage.
CREATE TABLE active_hour (
    project_id text COLLATE "C" NOT NULL,
    hour       bigint NOT NULL,
    sketch     bytea NOT NULL,
    PRIMARY KEY (project_id, hour)
) WITH (fillfactor = 80);

CREATE TABLE active_day (
    project_id text COLLATE "C" NOT NULL,
    day        bigint NOT NULL,
    sketch     bytea NOT NULL,
    PRIMARY KEY (project_id, day)
) WITH (fillfactor = 80);

-- The identities with the largest usage of a day that is not closed. When it closes, each metric (0 requests, 1 tokens,
-- 2 cost) keeps its first thousand.
CREATE TABLE top_open (
    project_id text COLLATE "C" NOT NULL,
    day        bigint NOT NULL,
    entries    bytea NOT NULL,
    PRIMARY KEY (project_id, day)
) WITH (fillfactor = 80);
CREATE INDEX top_open_day ON top_open (day);

CREATE TABLE top_day (
    project_id text COLLATE "C" NOT NULL,
    metric     smallint NOT NULL,
    day        bigint NOT NULL,
    entries    bytea NOT NULL,
    PRIMARY KEY (project_id, metric, day)
);

-- Refused requests. metric is of the limit that refused, '' for none. Models that neither the settings nor the price book
-- name are ''.
CREATE TABLE refusals (
    project_id text COLLATE "C" NOT NULL,
    hour       bigint NOT NULL,
    code       text COLLATE "C" NOT NULL,
    metric     text COLLATE "C" NOT NULL,
    model      text COLLATE "C" NOT NULL,
    tier       text COLLATE "C" NOT NULL,
    refused    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, hour, code, metric, model, tier)
) WITH (fillfactor = 80);

-- The identities whose requests were refused most often.
CREATE TABLE refused_identities (
    project_id text COLLATE "C" NOT NULL,
    hour       bigint NOT NULL,
    entries    bytea NOT NULL,
    PRIMARY KEY (project_id, hour)
) WITH (fillfactor = 80);

-- Limits of which an identity had used at least half after its last request. Reports check each with the ledger.
CREATE TABLE near_limits (
    project_id text COLLATE "C" NOT NULL,
    identity   text COLLATE "C" NOT NULL,
    metric     text COLLATE "C" NOT NULL,
    scope      text COLLATE "C" NOT NULL,
    model      text COLLATE "C" NOT NULL,
    tier       text COLLATE "C" NOT NULL,
    used       bigint NOT NULL, -- in thousandths of the limit
    resets_at  bigint NOT NULL, -- Unix microseconds
    PRIMARY KEY (project_id, identity, metric, scope, model)
) WITH (fillfactor = 80);
CREATE INDEX near_limits_used ON near_limits (project_id, used, identity, metric, scope, model);
CREATE INDEX near_limits_resets_at ON near_limits (resets_at, project_id, identity, metric, scope, model);

-- A node of an earlier version does not write rollup_pending. When one registers, the rollups are to be built anew once it
-- has gone.
ALTER TABLE nodes ADD COLUMN rolls_up boolean NOT NULL DEFAULT false;

-- +goose StatementBegin
CREATE FUNCTION rollups_are_outdated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE rollup_state SET built = false WHERE id = 1;
    UPDATE rollup_projects SET built = false WHERE built;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER older_node AFTER INSERT ON nodes FOR EACH ROW WHEN (NOT NEW.rolls_up) EXECUTE FUNCTION rollups_are_outdated();
