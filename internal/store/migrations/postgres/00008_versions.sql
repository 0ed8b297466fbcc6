-- Versions of settings, and secret keys that were replaced and are still good for a while. The meanings are those of the
-- SQLite schema.

-- +goose Up

ALTER TABLE projects
    ADD COLUMN version   bigint NOT NULL DEFAULT 0,
    ADD COLUMN versioned bigint NOT NULL DEFAULT 0;

CREATE TABLE settings_versions (
    project_id  text COLLATE "C" NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    version     bigint NOT NULL,
    at          bigint NOT NULL, -- Unix microseconds
    actor_kind  text   NOT NULL,
    actor_id    text   NOT NULL,
    actor_email text   NOT NULL,
    reason      text   NOT NULL,
    changes     text   NOT NULL, -- JSON
    settings    text   NOT NULL, -- JSON, without provider keys
    masks       text   NOT NULL, -- JSON: the masks of the provider keys, by provider
    PRIMARY KEY (project_id, version)
);

-- A project has at most one.
CREATE TABLE old_secrets (
    project_id  text COLLATE "C" PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    secret_id   text COLLATE "C" NOT NULL UNIQUE,
    secret_hash bytea  NOT NULL,
    ends_at     bigint NOT NULL  -- Unix microseconds
);
