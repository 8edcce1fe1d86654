CREATE TABLE users (
    LIKE envelope INCLUDING ALL,
    email text NOT NULL,
    name text NOT NULL,
    phone text,
    role text NOT NULL,
    active boolean NOT NULL,
    password_hash text NOT NULL,
    password_changed_at timestamptz(3) NOT NULL,
    sessions jsonb NOT NULL,
    edits jsonb NOT NULL,
    u_email text
);
CREATE UNIQUE INDEX users_u_email ON users (u_email);
CREATE INDEX users_newest ON users (created_at, id) WHERE NOT deleted;
CREATE INDEX users_by_role ON users (role, created_at, id) WHERE NOT deleted;

ALTER TABLE orders ADD COLUMN user_id text;
CREATE INDEX orders_by_user ON orders (user_id, created_at, id) WHERE NOT deleted;
