-- How much of the ledger's journal, the files beside this one, is in the tables.

-- +goose Up

-- One row. epoch is a random number of the process that serves: a journal of another epoch belongs to
-- another history of this database, or another database, and is not looked at. folded is the sequence
-- number of the last record of the epoch's journal that is in the tables, and changes in the
-- transaction that puts it there.
CREATE TABLE journal (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    epoch  INTEGER NOT NULL,
    folded INTEGER NOT NULL
) STRICT;
INSERT INTO journal (id, epoch, folded) VALUES (1, 0, 0);
