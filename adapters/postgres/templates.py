"""SQL templates of the stores, each for the table of one kind.

A write is one statement, and so one round trip and one transaction. Child rows, outbox entries and
counters are CTEs that affect only records which were written. All CTEs see the same snapshot, taken
when the statement began, so none may depend on rows that a concurrent writer of the same record can
have changed since. Triggers do what does depend on such rows.

A generic plan is used for all parameter values. Values that the planner should take into account,
like limits, are therefore literals.
"""

from __future__ import annotations

from psycopg.sql import SQL

WRITE = SQL("""
WITH written AS ({row_write}
    RETURNING {written}
), queued AS (
    INSERT INTO outbox AS entry (kind, record_id, target, {version}, due, since, missed)
    SELECT {kind}, id, incoming.target, {written_version}, incoming.due, updated_at, incoming.missed
    FROM written, json_populate_recordset(NULL::outbox, %(entries)s) AS incoming
    ON CONFLICT (kind, record_id, target) DO UPDATE
    SET ({version}, due, since, missed, tries, reason, parked)
      = ({new_version}, excluded.due, excluded.since, entry.missed OR excluded.missed, 0, '', false)
), dropped AS (
    DELETE FROM outbox USING written
    WHERE kind = {kind} AND record_id = ANY (%(ids)s::uuid[]) AND record_id = written.id
      AND target <> ALL (%(targets)s::text[])
){extra_ctes}
SELECT {result} FROM written
""")

UPSERT = SQL("""
    INSERT INTO {table} AS stored ({columns})
    SELECT {columns} FROM json_populate_recordset(NULL::{table}, %(rows)s) {precondition}
    ORDER BY id
    ON CONFLICT (id) DO UPDATE SET ({columns}) = ROW ({new}){previous_reservations}
    WHERE {condition}""")

COMPARE_AND_REPLACE = SQL("""
    UPDATE {table} AS stored SET ({columns}) = ROW ({new}){previous_reservations}
    FROM json_populate_recordset(NULL::{table}, %(rows)s) AS incoming
    WHERE stored.id = incoming.id
      AND ({stored_version}, stored.digest) = ({old_version}, %(old_digest)s)""")

READ_SET_CURRENT = SQL("""NOT EXISTS (
        SELECT FROM json_populate_recordset(NULL::{read_kind}, %({parameter})s) AS read
        JOIN {read_kind} AS current ON current.id = read.id
        WHERE current.v_postgresql > read.v_postgresql
           OR current.v_mongodb > read.v_mongodb OR current.v_nocodb > read.v_nocodb
    )""")
ACCEPTABLE = SQL(
    "stored.v_postgresql < excluded.v_postgresql"
    " AND stored.v_mongodb <= excluded.v_mongodb AND stored.v_nocodb <= excluded.v_nocodb"
    " AND NOT stored.deleted"
)
NEWER = SQL(
    "stored.v_postgresql <= excluded.v_postgresql"
    " AND stored.v_mongodb <= excluded.v_mongodb AND stored.v_nocodb <= excluded.v_nocodb"
    " AND ({stored_version}) <> ({new_version})"
)

UPSERT_CHILDREN = SQL("""
, {field} AS (
    INSERT INTO {table} AS stored ({columns})
    SELECT {child_columns}
    FROM json_populate_recordset(NULL::{table}, {rows}) AS child
    JOIN written ON written.id = child.{foreign_key}
    ON CONFLICT ({key}) DO UPDATE SET ({columns}) = ROW ({new})
    WHERE stored.* IS DISTINCT FROM excluded.*
)""")

# UPDATE copies the reservations of the replaced row to `held_before`. A CTE could only read them
# from the snapshot of the statement, which may be older than the replaced row. Counters are updated
# in the order of their keys, so that concurrent writers cannot deadlock.
SET_PREVIOUS_RESERVATIONS = SQL(", held_before = stored.holds")
RESERVATION_CHANGES = SQL("""
        SELECT key, value::bigint, NULL::bigint, NULL::bigint
        FROM written, jsonb_each_text(holds)
        UNION ALL
        SELECT key, -value::bigint, NULL, NULL FROM written, jsonb_each_text(held_before)""")
LIMIT_CHANGES = SQL("""
        SELECT key, 0, ceiling, position FROM ROWS FROM (
            json_to_recordset(%(ceilings)s) AS (record_id uuid, key text, ceiling bigint)
        ) WITH ORDINALITY AS declared (record_id, key, ceiling, position)
        JOIN written ON written.id = record_id""")
NO_DECLARED_LIMIT = SQL("NULL::bigint")
LAST_DECLARED_LIMIT = SQL("(array_agg(ceiling ORDER BY position DESC NULLS LAST))[1]")
# Groups the changes by counter, because a statement can upsert a row only once. A counter without
# a limit gets the default limit of the kind with the first reservation.
UPDATE_COUNTERS = SQL("""
, changes AS (
    SELECT key, sum(quantity)::bigint AS quantity, count(position) > 0 AS is_limited,
           coalesce({declared}, CASE WHEN sum(quantity) > 0 THEN {default_limit}::bigint END)
             AS ceiling
    FROM ({changes}
    ) AS changed (key, quantity, ceiling, position)
    GROUP BY key HAVING sum(quantity) <> 0 OR count(position) > 0
), counted AS (
    INSERT INTO counters AS counter (key, held, ceiling)
    SELECT key, quantity, ceiling FROM changes ORDER BY key
    ON CONFLICT (key) DO UPDATE SET held = counter.held + excluded.held, ceiling = {new_limit}
    WHERE excluded.held <> 0 OR counter.ceiling IS DISTINCT FROM excluded.ceiling
    RETURNING key, held, ceiling
)""")
KEEP_LIMIT = SQL("coalesce(counter.ceiling, excluded.ceiling)")
SET_DECLARED_LIMIT = SQL("""CASE
        WHEN excluded.key IN (SELECT key FROM changes WHERE is_limited) THEN excluded.ceiling
        ELSE coalesce(counter.ceiling, excluded.ceiling) END""")
ID_UNLESS_EXHAUSTED = SQL("""id, (
    SELECT exhausted(min(key)) FROM counted JOIN changes USING (key)
    WHERE quantity > 0 AND held > counted.ceiling
)""")

SELECT_RECORDS = SQL("SELECT {columns} FROM {table} AS record")
CHILD_LIST = SQL("""(
    SELECT coalesce(json_agg(child ORDER BY position), '[]')
    FROM {table} AS child WHERE child.{foreign_key} = record.id
) AS {field}""")

# A write without outbox entries deletes existing entries of the record, but not one that was
# committed while it waited for the row lock. That entry stays at an older version than the record;
# claiming it sets it to the version that is shipped.
CLAIM = SQL("""
WITH free AS (
    SELECT record_id, due FROM outbox
    WHERE target = %(target)s AND kind = {kind} AND NOT parked AND due <= %(now)s
    ORDER BY due, record_id LIMIT {limit}
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE outbox SET due = %(until)s, ({version}) = ROW ({record_version})
    FROM free JOIN {table} AS record ON record.id = free.record_id
    WHERE outbox.kind = {kind} AND outbox.target = %(target)s
      AND outbox.record_id = free.record_id
      AND {covered}
    RETURNING outbox.record_id, outbox.tries, free.due
)
SELECT claimed.tries, {columns}
FROM claimed JOIN {table} AS record ON record.id = claimed.record_id
ORDER BY claimed.due, record.id
""")

# These stop at the first entry of each kind.
KINDS_DUE = """
SELECT kind FROM unnest(%(kinds)s::text[]) AS kinds (kind) WHERE EXISTS (
    SELECT FROM outbox
    WHERE outbox.target = %(target)s AND outbox.kind = kinds.kind AND NOT parked AND due <= %(now)s
)"""
KINDS_UNDELIVERED = """
SELECT kind FROM unnest(%(kinds)s::text[]) AS kinds (kind) WHERE EXISTS (
    SELECT FROM outbox
    WHERE outbox.target = %(target)s AND outbox.kind = kinds.kind AND NOT parked AND missed
)"""

ACKNOWLEDGE = SQL("""
DELETE FROM outbox USING json_populate_recordset(NULL::outbox, %(shipped)s) AS shipped
WHERE outbox.kind = {kind} AND outbox.record_id = ANY (%(ids)s::uuid[])
  AND outbox.target = %(target)s
  AND outbox.record_id = shipped.record_id AND ({outbox_version}) = ({shipped_version})
""")

MARK_UNDELIVERED = SQL("""
UPDATE outbox SET missed = true, due = %(now)s
WHERE kind = {kind} AND record_id = ANY (%(ids)s::uuid[]) AND target = %(target)s
""")

RESCHEDULE = SQL("""
UPDATE outbox
SET tries = tries + 1, reason = %(reason)s, due = %(due)s, parked = %(park)s, missed = false
WHERE kind = {kind} AND record_id = %(id)s AND target = %(target)s
  AND ({version}) = ({shipped_version})
""")

RETRY_DEAD_LETTERS = SQL("""
UPDATE outbox SET tries = 0, due = %(now)s, parked = false
WHERE kind = {kind} AND target = %(target)s AND parked
RETURNING record_id
""")

DEAD_LETTERS = SQL("""
SELECT kind, record_id, tries, reason, since FROM outbox
WHERE kind = {kind} AND target = %(target)s AND parked
ORDER BY since, record_id LIMIT {limit}
""")

BACKLOG = SQL("""
SELECT count(*) FILTER (WHERE NOT parked) AS waiting,
       count(*) FILTER (WHERE missed AND NOT parked) AS undelivered,
       count(*) FILTER (WHERE parked) AS dead_letters
FROM outbox WHERE kind = {kind} AND target = %(target)s
""")

FINGERPRINTS = SQL("""
SELECT bucket, count(*) AS count, sum(digest)::bigint AS digest FROM {table} GROUP BY bucket
""")
BUCKET = SQL("SELECT id, digest FROM {table} WHERE bucket = %(bucket)s")
DIGESTS = SQL("SELECT id, digest FROM {table} WHERE id = ANY (%(ids)s::uuid[])")
REHASH = SQL("""
UPDATE {table} AS stored SET digest = rehashed.digest
FROM json_to_recordset(%(rehashed)s) AS rehashed (
    id uuid, v_postgresql integer, v_mongodb integer, v_nocodb integer,
    old_digest bigint, digest bigint
)
WHERE stored.id = rehashed.id
  AND ({stored_version}, stored.digest) = ({rehashed_version}, rehashed.old_digest)
RETURNING stored.id
""")

UNIQUE_HOLDERS = SQL(
    "SELECT id FROM {table} WHERE id <> %(id)s AND ({equal}) ORDER BY id FOR UPDATE"
)
RELEASE_UNIQUE = SQL("UPDATE {table} SET {nulls} WHERE id = ANY (%(holder_ids)s::uuid[])")
CLAIM_UNIQUE = SQL("UPDATE {table} SET {values} WHERE id = %(id)s")

COUNTER_USAGE = "SELECT key, held, ceiling FROM counters WHERE key = ANY (%(keys)s)"
