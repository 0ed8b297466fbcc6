-- The first schema for PostgreSQL: the control plane and the ledger. Units and meanings are those of the SQLite schema:
-- *_at is Unix microseconds unless a comment says otherwise, hour is Unix hours, micros is micro-USD.
--
-- Names are COLLATE "C", so that they sort by their bytes: the ledger locks accounts in this order. The key of every table
-- that requests touch begins with (project_id, identity), so that a distributed engine can spread the table by them. Names
-- of models and tiers come from requests: a byte that text cannot hold is written as \xHH. Tables whose rows change with
-- every request leave room in their pages for the next version of a row (fillfactor), so that their indexes need no change.

-- +goose Up

CREATE TABLE revision (
    id    smallint PRIMARY KEY CHECK (id = 1),
    value bigint   NOT NULL
);
INSERT INTO revision (id, value) VALUES (1, 0);

CREATE TABLE projects (
    id          text COLLATE "C" PRIMARY KEY, -- pk_…
    settings    text   NOT NULL,              -- JSON, without provider keys
    secret_id   text COLLATE "C" NOT NULL UNIQUE,
    secret_hash bytea  NOT NULL,
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL,
    revision    bigint NOT NULL
);
CREATE INDEX projects_revision ON projects (revision);

CREATE TABLE provider_keys (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    provider   text COLLATE "C" NOT NULL,
    sealed     text NOT NULL,
    mask       text NOT NULL,
    PRIMARY KEY (project_id, provider)
);

-- The nodes that serve. A node raises its beat every few seconds. If another node sees the same beat for too long, it
-- deletes the row. Then any node settles the holds of the missing node as they stand. Each node measures the time by its
-- own clock, so clocks need not agree.
CREATE TABLE nodes (
    id   bigint PRIMARY KEY,
    beat bigint NOT NULL DEFAULT 0
);

-- A decision locks the account's row. used is the account's usage in the current period, by model. It is the sum of the
-- usage rows from period_start on, kept here so that a decision need not add them up.
CREATE TABLE identities (
    project_id      text COLLATE "C" NOT NULL,
    identity        text COLLATE "C" NOT NULL,
    known           boolean  NOT NULL DEFAULT false,
    settings        text     NOT NULL DEFAULT '', -- JSON, '' none
    revision        bigint   NOT NULL DEFAULT 0,  -- of settings: every change raises it
    credit_requests bigint   NOT NULL DEFAULT 0,
    credit_tokens   bigint   NOT NULL DEFAULT 0,
    credit_micros   bigint   NOT NULL DEFAULT 0,
    unlimited_until bigint   NOT NULL DEFAULT 0,
    burst_at        bigint   NOT NULL DEFAULT 0,  -- Unix nanoseconds
    period          smallint NOT NULL DEFAULT -1, -- limit.Period of used; -1 if the usage was never summed
    period_start    bigint   NOT NULL DEFAULT 0,  -- hour
    used            text     NOT NULL DEFAULT '', -- a line for each model, with tabs: its name, counted amounts, amounts from credits
    created_at      bigint   NOT NULL,
    updated_at      bigint   NOT NULL,
    PRIMARY KEY (project_id, identity)
) WITH (fillfactor = 70);

CREATE TABLE usage (
    project_id      text COLLATE "C" NOT NULL,
    identity        text COLLATE "C" NOT NULL,
    hour            bigint   NOT NULL,
    model           text COLLATE "C" NOT NULL,
    tier            text COLLATE "C" NOT NULL,
    kind            smallint NOT NULL CHECK (kind IN (0, 1)), -- 0 used, 1 taken back by a reset
    requests        bigint   NOT NULL DEFAULT 0,
    tokens          bigint   NOT NULL DEFAULT 0,
    micros          bigint   NOT NULL DEFAULT 0,
    credit_requests bigint   NOT NULL DEFAULT 0,
    credit_tokens   bigint   NOT NULL DEFAULT 0,
    credit_micros   bigint   NOT NULL DEFAULT 0,
    input_tokens    bigint   NOT NULL DEFAULT 0,
    output_tokens   bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, identity, hour, model, tier, kind)
) WITH (fillfactor = 80);

CREATE TABLE holds (
    project_id      text COLLATE "C" NOT NULL,
    identity        text COLLATE "C" NOT NULL,
    id              bigint NOT NULL,
    node            bigint NOT NULL, -- the node that runs the request
    model           text COLLATE "C" NOT NULL,
    tier            text COLLATE "C" NOT NULL,
    requests        bigint NOT NULL DEFAULT 0,
    tokens          bigint NOT NULL DEFAULT 0,
    micros          bigint NOT NULL DEFAULT 0,
    credit_requests bigint NOT NULL DEFAULT 0,
    credit_tokens   bigint NOT NULL DEFAULT 0,
    credit_micros   bigint NOT NULL DEFAULT 0,
    limited         smallint NOT NULL DEFAULT 0, -- one bit for each metric with a limit in force at admission
    burst_interval  bigint NOT NULL DEFAULT 0, -- nanoseconds: a release gives back burst_interval, but at most burst_slack
    burst_slack     bigint NOT NULL DEFAULT 0,
    admitted_at     bigint NOT NULL,
    PRIMARY KEY (project_id, identity, id)
);
CREATE INDEX holds_node ON holds (node);

CREATE TABLE idempotency (
    project_id  text COLLATE "C" NOT NULL,
    key         text COLLATE "C" NOT NULL,
    fingerprint bytea    NOT NULL,
    status      smallint NOT NULL,
    body        bytea    NOT NULL,
    created_at  bigint   NOT NULL,
    PRIMARY KEY (project_id, key)
);

CREATE TABLE audit (
    project_id text COLLATE "C" NOT NULL,
    identity   text COLLATE "C" NOT NULL,
    id         bigint GENERATED ALWAYS AS IDENTITY,
    action     text   NOT NULL,
    reason     text   NOT NULL DEFAULT '',
    detail     text   NOT NULL DEFAULT '{}',
    at         bigint NOT NULL,
    PRIMARY KEY (project_id, identity, id)
);
