-- Columns can be generated from what is immutable only. The times in documents are: they are
-- written in ISO 8601 and say how far from UTC they are, so no setting changes what they mean.
CREATE FUNCTION time_of_text(moment text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT moment::timestamptz $$;
