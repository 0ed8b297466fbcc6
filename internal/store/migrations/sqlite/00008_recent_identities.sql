-- The list of identities in the order of their latest changes.

-- +goose Up

CREATE INDEX identities_updated ON identities (project_id, updated_at) WHERE known = 1;
