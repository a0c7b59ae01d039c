-- Run once on an empty database. Django wants one column as the key of a row.
CREATE TABLE duty (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shift   text NOT NULL,
    doctor  text NOT NULL,
    on_call boolean NOT NULL,
    UNIQUE (shift, doctor)
);
