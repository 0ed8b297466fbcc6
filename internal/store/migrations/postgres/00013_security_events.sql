-- What the guard found. No text of a message is kept.
--
-- hour is Unix hours, first_at and last_at are Unix microseconds, blocked is 1 where the request was refused.

-- +goose Up

-- Alarms of an identity by one rule within an hour are one event. internal/store/security.go keeps at most 100,000 events of
-- a project.
CREATE TABLE security_events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id text COLLATE "C"  NOT NULL,
    identity   text COLLATE "C"  NOT NULL,
    hour       bigint  NOT NULL,
    category   text COLLATE "C"  NOT NULL,
    rule       text COLLATE "C"  NOT NULL,
    blocked    bigint  NOT NULL,
    severity   text    NOT NULL,
    first_at   bigint  NOT NULL,
    last_at    bigint  NOT NULL,
    count      bigint  NOT NULL
);
CREATE UNIQUE INDEX security_events_key ON security_events (project_id, identity, hour, category, rule, blocked);
CREATE INDEX security_events_last ON security_events (project_id, last_at, id);
CREATE INDEX security_events_id ON security_events (project_id, id);

-- How many alarms an hour had, of all events, those included that are no longer kept.
CREATE TABLE security_counts (
    project_id text COLLATE "C"  NOT NULL,
    hour       bigint  NOT NULL,
    category   text COLLATE "C"  NOT NULL,
    rule       text COLLATE "C"  NOT NULL,
    blocked    bigint  NOT NULL,
    count      bigint  NOT NULL,
    PRIMARY KEY (project_id, hour, category, rule, blocked)
);
CREATE INDEX security_counts_hour ON security_counts (hour, project_id, category, rule, blocked);
