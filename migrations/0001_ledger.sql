-- The ledger. One text for SQLite and PostgreSQL: only BIGINT and TEXT, moments are milliseconds since the epoch in UTC.
-- Bodies are JSON; a column beside them exists only where a query filters or orders by it.

-- Requests, each accepted once. `answered` is null until something came of it.
CREATE TABLE inbox (
    id       TEXT   NOT NULL PRIMARY KEY,
    at       BIGINT NOT NULL,
    body     TEXT   NOT NULL,
    answer   TEXT,
    answered BIGINT
);
CREATE INDEX inbox_open ON inbox (at) WHERE answered IS NULL;

-- The last number given out per prefix of operation ids.
CREATE TABLE sequence (
    prefix TEXT   NOT NULL PRIMARY KEY,
    last   BIGINT NOT NULL
);

-- Headers of operations. `fence` and the lease belong to claims, the card to the announcer; the rest to commits.
CREATE TABLE op (
    id           TEXT   NOT NULL PRIMARY KEY,
    environment  TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    version      BIGINT NOT NULL,
    created      BIGINT NOT NULL,
    wake_at      BIGINT NOT NULL,
    body         TEXT   NOT NULL,
    owner        TEXT,
    fence        BIGINT NOT NULL DEFAULT 0,
    lease_ms     BIGINT NOT NULL DEFAULT 0,
    lease_until  BIGINT NOT NULL DEFAULT 0,
    card_channel TEXT,
    card_ts      TEXT
);
-- The number is Moment::FAR_FUTURE: nothing is planned for those rows.
CREATE INDEX op_due ON op (wake_at) WHERE wake_at < 2305843009213693951;
CREATE INDEX op_leased ON op (lease_until) WHERE lease_until > 0;
CREATE INDEX op_created ON op (created);
CREATE INDEX op_state ON op (state, created);
CREATE INDEX op_environment ON op (environment, created);

-- Steps. `took` is set once a step is done and is what estimates are made of.
CREATE TABLE step (
    op_id    TEXT   NOT NULL REFERENCES op (id),
    idx      BIGINT NOT NULL,
    kind     TEXT   NOT NULL,
    resource TEXT   NOT NULL,
    ended    BIGINT,
    took     BIGINT,
    body     TEXT   NOT NULL,
    PRIMARY KEY (op_id, idx)
);
CREATE INDEX step_took ON step (kind, resource, ended) WHERE took IS NOT NULL;

-- The one operation that may change an environment.
CREATE TABLE env_lock (
    environment TEXT   NOT NULL PRIMARY KEY,
    op_id       TEXT   NOT NULL REFERENCES op (id),
    at          BIGINT NOT NULL
);

-- One permanent row per scope; `stop` holds the stop that is in force. Intents share-lock the row, a stop updates it.
CREATE TABLE control (
    scope TEXT NOT NULL PRIMARY KEY,
    stop  TEXT
);

-- What is to be told. A row is due while `sent` is behind `version`; `doubt` counts attempts of which nobody knows.
CREATE TABLE outbox (
    id         TEXT   NOT NULL PRIMARY KEY,
    op_id      TEXT,
    replies    BIGINT NOT NULL,
    body       TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    sent       BIGINT NOT NULL DEFAULT 0,
    doubt      BIGINT NOT NULL DEFAULT 0,
    attempts   BIGINT NOT NULL DEFAULT 0,
    not_before BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    place      BIGINT NOT NULL
);
CREATE INDEX outbox_due ON outbox (not_before) WHERE sent < version;

-- The audit chain, and where it ends. The head is locked while entries are appended.
CREATE TABLE audit (
    seq      BIGINT NOT NULL PRIMARY KEY,
    body     TEXT   NOT NULL,
    previous TEXT   NOT NULL,
    hash     TEXT   NOT NULL
);
CREATE TABLE audit_head (
    id   BIGINT NOT NULL PRIMARY KEY,
    seq  BIGINT NOT NULL,
    hash TEXT   NOT NULL
);
INSERT INTO audit_head (id, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- Written to find out whether the database takes writes.
CREATE TABLE pulse (
    id BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL
);
INSERT INTO pulse (id, at) VALUES (1, 0);
