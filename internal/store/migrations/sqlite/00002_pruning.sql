-- Repetitions are recognised for a day; what is older is found by this.

-- +goose Up

CREATE INDEX idempotency_created_at ON idempotency (created_at);
