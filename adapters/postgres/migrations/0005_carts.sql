CREATE TABLE carts (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    expires_at timestamptz(3) NOT NULL,
    user_id text GENERATED ALWAYS AS (content ->> 'user_id') STORED
);
CREATE INDEX carts_expired ON carts (expires_at, id) WHERE NOT deleted;
CREATE INDEX carts_by_user ON carts (user_id, created_at, id) WHERE NOT deleted;
