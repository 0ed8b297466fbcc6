-- People: users, their sessions, and their roles in projects. Tokens, codes and cookies are kept as hashes.

-- +goose Up

CREATE TABLE users (
    id         text COLLATE "C" PRIMARY KEY,     -- us_…
    email      text COLLATE "C" NOT NULL UNIQUE, -- in lower case
    created_at bigint NOT NULL
);

CREATE TABLE sessions (
    hash       bytea  PRIMARY KEY,               -- SHA-256 of the cookie's value
    id         text COLLATE "C" NOT NULL UNIQUE, -- se_…: names the session and does not open it
    user_id    text COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at bigint NOT NULL,
    seen_at    bigint NOT NULL,
    expires_at bigint NOT NULL,
    ip         text   NOT NULL DEFAULT '',
    agent      text   NOT NULL DEFAULT ''
);
CREATE INDEX sessions_user ON sessions (user_id, id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE members (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user_id    text COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       text   NOT NULL, -- owner, admin or viewer
    created_at bigint NOT NULL,
    PRIMARY KEY (project_id, user_id)
);
CREATE INDEX members_user ON members (user_id, project_id);

CREATE TABLE invitations (
    id         text COLLATE "C" PRIMARY KEY, -- in_…
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    email      text COLLATE "C" NOT NULL,
    role       text   NOT NULL, -- owner, admin or viewer
    token_hash bytea  NOT NULL UNIQUE,
    inviter    text   NOT NULL,              -- mail address of who invited
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    UNIQUE (project_id, email)
);
CREATE INDEX invitations_email ON invitations (email, id);
CREATE INDEX invitations_expires_at ON invitations (expires_at);

-- A request to sign in has two proofs, each good once: a link's token, and a code that is good only in the browser that
-- asked. A row is written whether or not the address has an account.
CREATE TABLE sign_ins (
    id           text COLLATE "C" PRIMARY KEY,           -- si_…
    kind         text   NOT NULL,                       -- mail, operator or setup
    email        text COLLATE "C" NOT NULL,              -- '' of a setup link
    next         text   NOT NULL DEFAULT '',             -- the page to go to afterwards
    block        text COLLATE "C" NOT NULL DEFAULT '',   -- the block of addresses that the client is in
    token_hash   bytea  NOT NULL UNIQUE,
    code_hash    bytea  NOT NULL DEFAULT '',             -- HMAC, '' none
    browser_hash bytea  NOT NULL DEFAULT '',             -- SHA-256 of the browser's cookie, '' none
    wrong_codes  bigint NOT NULL DEFAULT 0,
    link_gone_at bigint NOT NULL DEFAULT 0,              -- when the link was used, or a later request ended it; 0 still good
    code_used_at bigint NOT NULL DEFAULT 0,
    created_at   bigint NOT NULL,
    expires_at   bigint NOT NULL
);
CREATE INDEX sign_ins_email ON sign_ins (email, created_at);
CREATE INDEX sign_ins_block ON sign_ins (block, created_at);
CREATE INDEX sign_ins_created_at ON sign_ins (created_at);
