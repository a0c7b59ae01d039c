-- Run once on an empty database, as its owner, before the copies start.
CREATE TABLE shift (
    id text PRIMARY KEY
);

CREATE TABLE duty (
    shift   text NOT NULL REFERENCES shift,
    doctor  text NOT NULL,
    on_call boolean NOT NULL,
    PRIMARY KEY (shift, doctor)
);
