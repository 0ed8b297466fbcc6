-- Who changed what: a line of the audit trail names its actor, its target, the changed settings and the request. Until now
-- only secret keys could change an identity, so this is the actor of the existing lines.

-- +goose Up

ALTER TABLE audit ADD COLUMN actor_kind  TEXT NOT NULL DEFAULT 'secretKey'; -- user, secretKey, cli, system
ALTER TABLE audit ADD COLUMN actor_id    TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN actor_email TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN target      TEXT NOT NULL DEFAULT '';   -- '' the identity
ALTER TABLE audit ADD COLUMN changes     TEXT NOT NULL DEFAULT '[]'; -- JSON
ALTER TABLE audit ADD COLUMN request_id  TEXT NOT NULL DEFAULT '';

-- A page of the trail is a range of one of these, the one of a project or the one of an identity (audit_account).
CREATE INDEX audit_project ON audit (project_id, at);
