-- Which ledger this is: the newest row. Tokens and tags in AWS carry the name, so that what another ledger asked for, or an
-- earlier life of this one before an older copy of it was put back, is never taken for its own.
CREATE TABLE incarnation (
    seq   BIGINT NOT NULL PRIMARY KEY,
    name  TEXT   NOT NULL,
    since BIGINT NOT NULL,
    why   TEXT   NOT NULL
);
