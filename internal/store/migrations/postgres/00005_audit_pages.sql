-- A page of the audit trail is a range of one of these, the one of a project or the one of an identity. An interrupted
-- attempt leaves an invalid index, so each is dropped first.

-- +goose NO TRANSACTION
-- +goose Up

DROP INDEX IF EXISTS audit_project;
CREATE INDEX CONCURRENTLY audit_project ON audit (project_id, at, id);
DROP INDEX IF EXISTS audit_account;
CREATE INDEX CONCURRENTLY audit_account ON audit (project_id, identity, at, id);
