CREATE TABLE shift (
    id text PRIMARY KEY
);

CREATE TABLE duty (
    shift   text NOT NULL REFERENCES shift,
    doctor  text NOT NULL,
    on_call boolean NOT NULL,
    PRIMARY KEY (shift, doctor)
);

-- The rule sits with the data: no program can forget it. The lock comes first; in READ COMMITTED the EXISTS after it
-- sees what was committed while we waited.
CREATE FUNCTION one_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM shift WHERE id = OLD.shift FOR UPDATE;
    IF NOT EXISTS (SELECT FROM duty WHERE shift = OLD.shift AND doctor <> OLD.doctor AND on_call) THEN
        RAISE EXCEPTION 'the last doctor of shift % stays', OLD.shift USING ERRCODE = 'OC001';
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER one_stays BEFORE UPDATE ON duty
    FOR EACH ROW WHEN (OLD.on_call AND NOT NEW.on_call) EXECUTE FUNCTION one_stays();
