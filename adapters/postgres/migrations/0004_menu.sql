CREATE TABLE categories (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    u_slug text,
    position bigint NOT NULL GENERATED ALWAYS AS ((content ->> 'position')::bigint) STORED,
    name text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content ->> 'name') STORED
);
CREATE UNIQUE INDEX categories_u_slug ON categories (u_slug);

-- A new column instead of an old one would leave a gap in their numbers.
CREATE TEMPORARY TABLE kept ON COMMIT DROP AS
SELECT id, v_postgresql, v_mongodb, v_nocodb, created_at, updated_at, source, op_id, trail,
       deleted, digest, bucket, content, u_slug
FROM menu_items;
DROP TABLE menu_items;
CREATE TABLE menu_items (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    u_slug text,
    category_id text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (coalesce(content ->> 'category_id', '')) STORED,
    position bigint NOT NULL GENERATED ALWAYS AS ((content ->> 'position')::bigint) STORED,
    name text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content ->> 'name') STORED
);
CREATE UNIQUE INDEX menu_items_u_slug ON menu_items (u_slug);
INSERT INTO menu_items (
       id, v_postgresql, v_mongodb, v_nocodb, created_at, updated_at, source, op_id, trail,
       deleted, digest, bucket, content, u_slug
)
SELECT * FROM kept;

CREATE INDEX orders_changed ON orders (updated_at, id) WHERE NOT deleted;
