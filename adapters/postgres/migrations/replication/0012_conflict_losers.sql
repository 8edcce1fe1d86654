-- A conflict of two records, such as a double booking, has to be found by either.
ALTER TABLE conflicts
    ADD COLUMN loser_id text GENERATED ALWAYS AS (content -> 'loser' ->> 'id') STORED;
CREATE INDEX conflicts_by_loser ON conflicts (left(loser_id, 100), created_at, id)
    WHERE NOT deleted AND loser_id <> record_id;
