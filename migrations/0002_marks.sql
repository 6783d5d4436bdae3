-- What the ledger remembers beyond operations: holds, restore tests, tiers, leftovers, findings of the watcher.
CREATE TABLE mark (
    environment TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    body        TEXT   NOT NULL,
    PRIMARY KEY (environment, kind, subject)
);

-- How far components were behind, for charts; rows older than nine days are deleted.
CREATE TABLE sample (
    environment TEXT   NOT NULL,
    component   TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    lag         BIGINT,
    PRIMARY KEY (environment, at, component)
);
