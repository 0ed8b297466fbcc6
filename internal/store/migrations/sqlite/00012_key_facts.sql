-- Who stored a provider's key and when, and how it has fared. A binary without these columns writes rows without them.

-- +goose Up

ALTER TABLE provider_keys ADD COLUMN set_at INTEGER NOT NULL DEFAULT 0; -- 0: not known
ALTER TABLE provider_keys ADD COLUMN set_by_kind TEXT NOT NULL DEFAULT '';
ALTER TABLE provider_keys ADD COLUMN set_by_id TEXT NOT NULL DEFAULT '';
ALTER TABLE provider_keys ADD COLUMN set_by_email TEXT NOT NULL DEFAULT '';
ALTER TABLE provider_keys ADD COLUMN last_used_at INTEGER NOT NULL DEFAULT 0; -- 0: never
ALTER TABLE provider_keys ADD COLUMN failed_at INTEGER NOT NULL DEFAULT 0; -- 0: never
ALTER TABLE provider_keys ADD COLUMN failure TEXT NOT NULL DEFAULT '';
