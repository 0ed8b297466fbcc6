-- The list of identities in the order of their latest changes. An interrupted attempt leaves an invalid index, so it is
-- dropped first.

-- +goose NO TRANSACTION
-- +goose Up

DROP INDEX IF EXISTS identities_updated;
CREATE INDEX CONCURRENTLY identities_updated ON identities (project_id, updated_at, identity) WHERE known;
