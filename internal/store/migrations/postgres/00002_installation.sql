-- What all who share the database must agree on.

-- +goose Up

CREATE TABLE installation (
    id             smallint PRIMARY KEY CHECK (id = 1),
    oldest_schema  bigint NOT NULL,            -- binaries whose newest migration is this one, or later, work here
    encryption_key text   NOT NULL DEFAULT ''  -- id of the key that seals, '' none yet
);
INSERT INTO installation (id, oldest_schema) VALUES (1, 2);

-- For pruning.
CREATE INDEX idempotency_created_at ON idempotency (created_at);
