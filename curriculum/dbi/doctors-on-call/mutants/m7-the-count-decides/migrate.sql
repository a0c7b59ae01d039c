-- The number beside the shift is what everybody who comes or goes must change: they meet there.
CREATE TABLE shift (
    id      text PRIMARY KEY,
    on_call integer NOT NULL DEFAULT 0 CHECK (on_call >= 0)
);

CREATE TABLE duty (
    shift   text NOT NULL REFERENCES shift,
    doctor  text NOT NULL,
    on_call boolean NOT NULL,
    PRIMARY KEY (shift, doctor)
);
