-- Versions of settings, and secret keys that were replaced and are still good for a while.

-- +goose Up

-- versioned is the revision of the change that made the version. If revision is another, a binary without versions has
-- changed the project since: its settings are then those of the next version.
ALTER TABLE projects ADD COLUMN version   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN versioned INTEGER NOT NULL DEFAULT 0;

CREATE TABLE settings_versions (
    project_id  TEXT    NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    version     INTEGER NOT NULL,
    at          INTEGER NOT NULL, -- Unix microseconds
    actor_kind  TEXT    NOT NULL, -- as in audit
    actor_id    TEXT    NOT NULL,
    actor_email TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    changes     TEXT    NOT NULL, -- JSON
    settings    TEXT    NOT NULL, -- JSON, without provider keys
    masks       TEXT    NOT NULL, -- JSON: the masks of the provider keys, by provider
    PRIMARY KEY (project_id, version)
) STRICT, WITHOUT ROWID;

-- A project has at most one.
CREATE TABLE old_secrets (
    project_id  TEXT    PRIMARY KEY NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    secret_id   TEXT    NOT NULL UNIQUE,
    secret_hash BLOB    NOT NULL,
    ends_at     INTEGER NOT NULL  -- Unix microseconds
) STRICT, WITHOUT ROWID;
