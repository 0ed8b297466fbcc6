-- Stored system prompts. Every save is a version.

-- +goose Up

CREATE TABLE prompts (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name       text COLLATE "C" NOT NULL,
    version    bigint NOT NULL, -- the current one
    created_at bigint NOT NULL,
    revision   bigint NOT NULL, -- revision.value of its last change
    PRIMARY KEY (project_id, name)
);

CREATE TABLE prompt_versions (
    project_id  text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    version     bigint   NOT NULL,
    description text     NOT NULL,
    enabled     smallint NOT NULL, -- 0 or 1
    sealed      smallint NOT NULL, -- 1: text is sealed, associated data project_id/prompt/name/version
    text        text     NOT NULL,
    bytes       bigint   NOT NULL, -- of the text before it was sealed
    restored    bigint   NOT NULL, -- the version that was restored, 0 for a new text
    actor_kind  text     NOT NULL,
    actor_id    text     NOT NULL,
    actor_email text     NOT NULL,
    at          bigint   NOT NULL,
    PRIMARY KEY (project_id, name, version),
    FOREIGN KEY (project_id, name) REFERENCES prompts (project_id, name) ON DELETE CASCADE
);
