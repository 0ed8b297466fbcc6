-- People: users, their sessions, and their roles in projects. Tokens, codes and cookies are kept as hashes.

-- +goose Up

CREATE TABLE users (
    id         TEXT    PRIMARY KEY NOT NULL, -- us_…
    email      TEXT    NOT NULL UNIQUE,      -- in lower case
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    hash       BLOB    PRIMARY KEY NOT NULL, -- SHA-256 of the cookie's value
    id         TEXT    NOT NULL UNIQUE,      -- se_…: names the session and does not open it
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ip         TEXT    NOT NULL DEFAULT '',
    agent      TEXT    NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id, id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE members (
    project_id TEXT    NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       TEXT    NOT NULL, -- owner, admin or viewer
    created_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_user ON members (user_id, project_id);

CREATE TABLE invitations (
    id         TEXT    PRIMARY KEY NOT NULL, -- in_…
    project_id TEXT    NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    email      TEXT    NOT NULL,
    role       TEXT    NOT NULL, -- owner, admin or viewer
    token_hash BLOB    NOT NULL UNIQUE,
    inviter    TEXT    NOT NULL,             -- mail address of who invited
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (project_id, email)
) STRICT, WITHOUT ROWID;
CREATE INDEX invitations_email ON invitations (email, id);
CREATE INDEX invitations_expires_at ON invitations (expires_at);

-- A request to sign in has two proofs, each good once: a link's token, and a code that is good only in the browser that
-- asked. A row is written whether or not the address has an account.
CREATE TABLE sign_ins (
    id           TEXT    PRIMARY KEY NOT NULL,       -- si_…
    kind         TEXT    NOT NULL,                   -- mail, operator or setup
    email        TEXT    NOT NULL,                   -- '' of a setup link
    next         TEXT    NOT NULL DEFAULT '',        -- the page to go to afterwards
    block        TEXT    NOT NULL DEFAULT '',        -- the block of addresses that the client is in
    token_hash   BLOB    NOT NULL UNIQUE,
    code_hash    BLOB    NOT NULL DEFAULT x'',       -- HMAC, x'' none
    browser_hash BLOB    NOT NULL DEFAULT x'',       -- SHA-256 of the browser's cookie, x'' none
    wrong_codes  INTEGER NOT NULL DEFAULT 0,
    link_gone_at INTEGER NOT NULL DEFAULT 0,         -- when the link was used, or a later request ended it; 0 still good
    code_used_at INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_ins_email ON sign_ins (email, created_at);
CREATE INDEX sign_ins_block ON sign_ins (block, created_at);
CREATE INDEX sign_ins_created_at ON sign_ins (created_at);
