-- Lorries and their trips, written with care: much that looks like a fault and is none, and three
-- steps of migrations that nobody has finished.
CREATE EXTENSION btree_gist;
CREATE TYPE trip_state AS enum ('planned', 'driving', 'arrived');
CREATE TABLE depots (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id int REFERENCES depots,
    name text NOT NULL,
    lat double precision, lon double precision,
    address_line1 text, address_line2 text
);
CREATE INDEX ON depots (parent_id) WHERE parent_id IS NOT NULL;
CREATE TABLE vehicles (
    vin text PRIMARY KEY CHECK (length(vin) = 17),
    depot_id int NOT NULL REFERENCES depots,
    plate text NOT NULL,
    odometer int NOT NULL DEFAULT 0,
    odometer_new bigint,
    features text[] NOT NULL DEFAULT '{}',
    retired_at timestamptz,
    deleted_at timestamptz
);
CREATE INDEX ON vehicles (depot_id, plate);
CREATE INDEX ON vehicles USING gin (features);
CREATE UNIQUE INDEX ON vehicles (plate) WHERE deleted_at IS NULL;
CREATE TABLE drivers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant bigint NOT NULL,
    name text NOT NULL,
    licence text NOT NULL,
    phone text,
    UNIQUE (tenant, id)
);
ALTER TABLE drivers ADD CONSTRAINT has_phone CHECK (phone IS NOT NULL);
CREATE TABLE trips (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant bigint NOT NULL,
    driver_id bigint NOT NULL,
    vin text NOT NULL REFERENCES vehicles,
    state trip_state NOT NULL,
    payment_status text NOT NULL CHECK (payment_status IN ('open', 'paid')),
    during tstzrange NOT NULL,
    price numeric(12, 2) NOT NULL,
    price_with_tax numeric(12, 2) GENERATED ALWAYS AS (price * 1.2) STORED,
    FOREIGN KEY (tenant, driver_id) REFERENCES drivers (tenant, id),
    CONSTRAINT one_trip_at_a_time EXCLUDE USING gist (vin WITH =, during WITH &&)
        DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ON trips (tenant, driver_id);
CREATE INDEX ON trips (vin);
ALTER TABLE trips ADD CONSTRAINT trips_vin_again FOREIGN KEY (vin) REFERENCES vehicles;
CREATE TABLE positions (
    vin text NOT NULL REFERENCES vehicles,
    at timestamptz NOT NULL,
    lat double precision NOT NULL, lon double precision NOT NULL,
    temperature1 real, temperature2 real,
    PRIMARY KEY (vin, at)
) PARTITION BY RANGE (at);
CREATE TABLE positions_past PARTITION OF positions FOR VALUES FROM ('2020-01-01') TO ('2026-01-01');
CREATE TABLE positions_rest PARTITION OF positions FOR VALUES FROM ('2026-01-01') TO ('2100-01-01');
CREATE TABLE keys (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), note text, starts_on date, state text
);
CREATE UNLOGGED TABLE staging (line text);
CREATE VIEW driving AS SELECT id, vin FROM trips WHERE state = 'driving';
CREATE FUNCTION price_of(bigint) RETURNS numeric LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog AS 'SELECT price FROM public.trips WHERE id = $1';
REVOKE CREATE ON SCHEMA public FROM public;

INSERT INTO depots (parent_id, name) SELECT nullif(i / 10, 0), i FROM generate_series(1, 60) i;
INSERT INTO vehicles (vin, depot_id, plate)
SELECT lpad(i::text, 17, 'V'), 1 + i % 60, i FROM generate_series(1, 900) i;
INSERT INTO drivers (tenant, name, licence, phone) SELECT 1, i, i, i FROM generate_series(1, 900) i;
INSERT INTO trips (tenant, driver_id, vin, state, payment_status, during, price)
SELECT 1, i, lpad(i::text, 17, 'V'), 'arrived', 'paid', tstzrange(now(), now() + interval '1 day'), i
FROM generate_series(1, 900) i;
INSERT INTO positions (vin, at, lat, lon)
SELECT lpad(i::text, 17, 'V'), now(), 0, 0 FROM generate_series(1, 900) i;
INSERT INTO keys (note, state) SELECT i, i % 3 FROM generate_series(1, 300) i;
ANALYZE;
