-- What the guard found. No text of a message is kept.
--
-- hour is Unix hours, first_at and last_at are Unix microseconds, blocked is 1 where the request was refused.

-- +goose Up

-- Alarms of an identity by one rule within an hour are one event. internal/store/security.go keeps at most 100,000 events of
-- a project.
CREATE TABLE security_events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id TEXT    NOT NULL,
    identity   TEXT    NOT NULL,
    hour       INTEGER NOT NULL,
    category   TEXT    NOT NULL,
    rule       TEXT    NOT NULL,
    blocked    INTEGER NOT NULL,
    severity   TEXT    NOT NULL,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    count      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX security_events_key ON security_events (project_id, identity, hour, category, rule, blocked);
CREATE INDEX security_events_last ON security_events (project_id, last_at, id);
CREATE INDEX security_events_id ON security_events (project_id, id);

-- How many alarms an hour had, of all events, those included that are no longer kept.
CREATE TABLE security_counts (
    project_id TEXT    NOT NULL,
    hour       INTEGER NOT NULL,
    category   TEXT    NOT NULL,
    rule       TEXT    NOT NULL,
    blocked    INTEGER NOT NULL,
    count      INTEGER NOT NULL,
    PRIMARY KEY (project_id, hour, category, rule, blocked)
) STRICT, WITHOUT ROWID;
CREATE INDEX security_counts_hour ON security_counts (hour, project_id, category, rule, blocked);
