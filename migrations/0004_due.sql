-- When what bbws starts by itself is due next, by the database's clock. A row moves on in the transaction that makes the run.
CREATE TABLE due (
    environment TEXT   NOT NULL,
    routine     TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    body        TEXT   NOT NULL,
    PRIMARY KEY (environment, routine)
);
CREATE INDEX mark_kind ON mark (kind);
