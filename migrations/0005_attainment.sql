-- How many looks of a day found a component within its RPO. A row counts up in the transaction that keeps the lags of the look.
CREATE TABLE attainment (
    environment TEXT   NOT NULL,
    component   TEXT   NOT NULL,
    day         BIGINT NOT NULL,
    looks       BIGINT NOT NULL,
    kept        BIGINT NOT NULL,
    PRIMARY KEY (environment, component, day)
);
