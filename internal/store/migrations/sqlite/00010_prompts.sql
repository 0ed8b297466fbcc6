-- Stored system prompts. Every save is a version.

-- +goose Up

CREATE TABLE prompts (
    project_id TEXT    NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    version    INTEGER NOT NULL, -- the current one
    created_at INTEGER NOT NULL,
    revision   INTEGER NOT NULL, -- revision.value of its last change
    PRIMARY KEY (project_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE prompt_versions (
    project_id  TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    description TEXT    NOT NULL,
    enabled     INTEGER NOT NULL, -- 0 or 1
    sealed      INTEGER NOT NULL, -- 1: text is sealed, associated data project_id/prompt/name/version
    text        TEXT    NOT NULL,
    bytes       INTEGER NOT NULL, -- of the text before it was sealed
    restored    INTEGER NOT NULL, -- the version that was restored, 0 for a new text
    actor_kind  TEXT    NOT NULL,
    actor_id    TEXT    NOT NULL,
    actor_email TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (project_id, name, version),
    FOREIGN KEY (project_id, name) REFERENCES prompts (project_id, name) ON DELETE CASCADE
) STRICT;
