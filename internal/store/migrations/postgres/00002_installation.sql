-- The facts on which all nodes of this database must agree.

-- +goose Up

CREATE TABLE installation (
    id             smallint PRIMARY KEY CHECK (id = 1),
    oldest_schema  bigint NOT NULL,            -- binaries whose newest migration is this one, or later, work here
    encryption_key text   NOT NULL DEFAULT ''  -- id of the key that seals, '' none yet
);
INSERT INTO installation (id, oldest_schema) VALUES (1, 2);

-- Pruning finds old answers by this index.
CREATE INDEX idempotency_created_at ON idempotency (created_at);
