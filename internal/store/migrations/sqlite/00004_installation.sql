-- The facts on which all processes of this file must agree.

-- +goose Up

CREATE TABLE installation (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    encryption_key TEXT    NOT NULL DEFAULT ''  -- id of the key that seals, '' none yet
) STRICT;
INSERT INTO installation (id) VALUES (1);
