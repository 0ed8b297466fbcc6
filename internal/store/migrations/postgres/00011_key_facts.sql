-- Who stored a provider's key and when, and how it has fared. A binary without these columns writes rows without them.

-- +goose Up

ALTER TABLE provider_keys
    ADD COLUMN set_at       bigint NOT NULL DEFAULT 0, -- 0: not known
    ADD COLUMN set_by_kind  text   NOT NULL DEFAULT '',
    ADD COLUMN set_by_id    text   NOT NULL DEFAULT '',
    ADD COLUMN set_by_email text   NOT NULL DEFAULT '',
    ADD COLUMN last_used_at bigint NOT NULL DEFAULT 0, -- 0: never
    ADD COLUMN failed_at    bigint NOT NULL DEFAULT 0, -- 0: never
    ADD COLUMN failure      text   NOT NULL DEFAULT '';
