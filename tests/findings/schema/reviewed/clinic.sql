-- A clinic, written in a hurry.
CREATE TABLE clinics (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE TABLE patients (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    clinic_id bigint NOT NULL REFERENCES clinics,
    email text NOT NULL,
    full_name text NOT NULL,
    born date,
    deleted_at timestamptz
);
CREATE INDEX ON patients (clinic_id);
CREATE UNIQUE INDEX patients_email ON patients (email);
CREATE TABLE doctors (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    clinic_id bigint NOT NULL REFERENCES clinics,
    full_name text NOT NULL,
    room text,
    degree text
);
CREATE TABLE appointments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    doctor_id bigint NOT NULL REFERENCES doctors,
    patient_id uuid NOT NULL REFERENCES patients,
    starts_at timestamp NOT NULL,
    status text NOT NULL,
    room text
);
CREATE INDEX appointments_doctor ON appointments (doctor_id);
CREATE INDEX appointments_of_doctor ON appointments (doctor_id);
CREATE TABLE icd_codes (code char(8) PRIMARY KEY, title text NOT NULL);
CREATE TABLE appointment_diagnoses (
    appointment_id bigint NOT NULL REFERENCES appointments ON DELETE CASCADE,
    icd_code char(8) NOT NULL REFERENCES icd_codes,
    PRIMARY KEY (appointment_id, icd_code)
);
CREATE TABLE prescriptions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    appointment_id int NOT NULL REFERENCES appointments,
    drug1 text, drug2 text, drug3 text,
    dose double precision
);
CREATE INDEX ON prescriptions (appointment_id);
CREATE TABLE bills (
    appointment_id bigint PRIMARY KEY REFERENCES appointments,
    total double precision NOT NULL,
    patient_email text NOT NULL,
    paid_at timestamptz
);
COMMENT ON COLUMN bills.patient_email IS 'Where the bill was sent.';
ALTER TABLE bills ADD CONSTRAINT positive CHECK (total >= 0) NOT VALID;
CREATE TABLE imports (line text, read_at timestamptz);
CREATE FUNCTION bill_of(bigint) RETURNS float8 LANGUAGE sql SECURITY DEFINER
    AS 'SELECT total FROM public.bills WHERE appointment_id = $1';

INSERT INTO clinics (name) SELECT i FROM generate_series(1, 40) i;
INSERT INTO patients (clinic_id, email, full_name)
SELECT 1 + i % 40, i || '@example.com', i FROM generate_series(1, 3000) i;
INSERT INTO doctors (clinic_id, full_name) SELECT 1 + i % 40, i FROM generate_series(1, 200) i;
INSERT INTO appointments (doctor_id, patient_id, starts_at, status)
SELECT 1 + row_number() OVER () % 200, id, now(),
    CASE row_number() OVER () % 3 WHEN 0 THEN 'booked' WHEN 1 THEN 'done' ELSE 'missed' END
FROM patients;
INSERT INTO icd_codes SELECT 'A' || i, i FROM generate_series(1, 300) i;
INSERT INTO appointment_diagnoses SELECT i, 'A' || 1 + i % 300 FROM generate_series(1, 3000) i;
INSERT INTO prescriptions (appointment_id) SELECT i FROM generate_series(1, 2000) i;
INSERT INTO bills (appointment_id, total, patient_email)
SELECT i, i, i || '@example.com' FROM generate_series(1, 2000) i;
INSERT INTO imports SELECT i, now() FROM generate_series(1, 500) i;
UPDATE patients SET deleted_at = now() WHERE born IS NULL AND email LIKE '7%';
ANALYZE;
