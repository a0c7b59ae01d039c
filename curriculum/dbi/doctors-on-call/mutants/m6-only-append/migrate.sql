-- Who came and went: the latest event of a doctor says whether he is on call.
CREATE TABLE event (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shift   text NOT NULL,
    doctor  text NOT NULL,
    on_call boolean NOT NULL
);

CREATE INDEX event_shift ON event (shift, doctor, id);
