-- Operations that have ended are removed after some time.

-- +goose Up

CREATE INDEX operations_ended ON operations (updated_at, project_id, id) WHERE state NOT IN ('preparing', 'running');
