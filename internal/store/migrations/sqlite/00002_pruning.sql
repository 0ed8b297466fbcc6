-- A repeated call is recognised for a day. Pruning finds older answers by this index.

-- +goose Up

CREATE INDEX idempotency_created_at ON idempotency (created_at);
