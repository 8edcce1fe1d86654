-- What replication needs in every database. Databases that are older than this file have it from
-- others, or some of it: nothing is made twice.

-- What every record carries. Holds no rows: tables of records are made like it.
CREATE TABLE IF NOT EXISTS envelope (
    id uuid PRIMARY KEY,
    v_postgresql integer NOT NULL,
    v_mongodb integer NOT NULL,
    v_nocodb integer NOT NULL,
    created_at timestamptz(3) NOT NULL,
    updated_at timestamptz(3) NOT NULL,
    source text,
    op_id text NOT NULL,
    trail jsonb NOT NULL,
    deleted boolean NOT NULL,
    digest bigint NOT NULL,
    bucket smallint NOT NULL
);
CREATE INDEX IF NOT EXISTS envelope_bucket_id_digest_idx ON envelope (bucket, id) INCLUDE (digest);

-- States that other stores have not got yet. The version is the one of the state that is owed.
CREATE TABLE IF NOT EXISTS outbox (
    kind text NOT NULL,
    record_id uuid NOT NULL,
    target text NOT NULL,
    v_postgresql integer NOT NULL,
    v_mongodb integer NOT NULL,
    v_nocodb integer NOT NULL,
    due timestamptz NOT NULL,
    since timestamptz NOT NULL,
    missed boolean NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    reason text NOT NULL DEFAULT '',
    parked boolean NOT NULL DEFAULT false,
    PRIMARY KEY (kind, record_id, target)
);
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (target, kind, due, record_id) WHERE NOT parked;
CREATE INDEX IF NOT EXISTS outbox_parked ON outbox (target, kind, since, record_id) WHERE parked;

-- How much of a counted thing records hold, and how much there is; NULL for no limit.
CREATE TABLE IF NOT EXISTS counters (
    key text PRIMARY KEY,
    held bigint NOT NULL DEFAULT 0,
    ceiling bigint
);

-- Which processes cannot use another store, by their own word.
CREATE TABLE IF NOT EXISTS absences (
    store text NOT NULL,
    process text NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (store, process)
);

-- What is to be remembered of this database as a whole.
CREATE TABLE IF NOT EXISTS meta (
    name text PRIMARY KEY,
    noted_at timestamptz NOT NULL DEFAULT now()
);

-- Stops a write that would take more of a counted thing than there is.
CREATE OR REPLACE FUNCTION exhausted(key text) RETURNS boolean LANGUAGE plpgsql STRICT AS $$
BEGIN
    RAISE 'not enough left' USING ERRCODE = 'DN001', DETAIL = key;
END
$$;

CREATE TABLE IF NOT EXISTS conflicts (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    state text NOT NULL GENERATED ALWAYS AS (content ->> 'state') STORED
);
ALTER TABLE conflicts
    ADD COLUMN IF NOT EXISTS record_id text NOT NULL
    GENERATED ALWAYS AS (content ->> 'record_id') STORED;
CREATE INDEX IF NOT EXISTS conflicts_newest ON conflicts (created_at, id) WHERE NOT deleted;
CREATE INDEX IF NOT EXISTS conflicts_by_state ON conflicts (state, created_at, id)
    WHERE NOT deleted;
CREATE INDEX IF NOT EXISTS conflicts_about ON conflicts (left(record_id, 100), created_at, id)
    WHERE NOT deleted;
