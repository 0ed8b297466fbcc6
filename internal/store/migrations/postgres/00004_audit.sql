-- Who changed what: a line of the audit trail names its actor, its target, the changed settings and the request. Until now
-- only secret keys could change an identity, so this is the actor of the existing lines.

-- +goose Up

ALTER TABLE audit
    ADD COLUMN actor_kind  text NOT NULL DEFAULT 'secretKey', -- user, secretKey, cli, system
    ADD COLUMN actor_id    text NOT NULL DEFAULT '',
    ADD COLUMN actor_email text NOT NULL DEFAULT '',
    ADD COLUMN target      text NOT NULL DEFAULT '',   -- '' the identity
    ADD COLUMN changes     text NOT NULL DEFAULT '[]', -- JSON
    ADD COLUMN request_id  text NOT NULL DEFAULT '';
