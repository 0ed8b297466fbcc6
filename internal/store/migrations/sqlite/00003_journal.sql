-- The record of the ledger's journal up to which the tables are complete. The journal is in files beside this one.

-- +goose Up

-- One row. epoch is a random number of the serving process. A journal of another epoch belongs to another database, or to
-- another history of this one, and is ignored. folded is the sequence number of the last record of the epoch's journal that
-- is in the tables. It changes in the transaction that folds the record.
CREATE TABLE journal (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    epoch  INTEGER NOT NULL,
    folded INTEGER NOT NULL
) STRICT;
INSERT INTO journal (id, epoch, folded) VALUES (1, 0, 0);
