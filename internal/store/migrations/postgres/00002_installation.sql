-- The facts on which all nodes of this database must agree.

-- +goose Up

CREATE TABLE installation (
    id             smallint PRIMARY KEY CHECK (id = 1),
    oldest_schema  bigint NOT NULL,            -- a binary may use this database if its newest migration is this one or a later one
    encryption_key text   NOT NULL DEFAULT ''  -- id of the key that seals, '' for none yet
);
INSERT INTO installation (id, oldest_schema) VALUES (1, 2);

-- Pruning finds old answers by this index.
CREATE INDEX idempotency_created_at ON idempotency (created_at);
