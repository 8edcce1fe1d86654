-- The whole schema at once, for readers. What runs are the migrations; a test holds them equal.
-- Not in it are the tables of documents that only their ports declare (dinerapp/replication/ports/
-- documents.py): those are made after the migrations, from the declarations.

CREATE TABLE migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- What every record carries. Holds no rows: tables of records are made like it.
CREATE TABLE envelope (
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
CREATE INDEX ON envelope (bucket, id) INCLUDE (digest);

-- States that other stores have not got yet. The version is the one of the state that is owed.
CREATE TABLE outbox (
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
CREATE INDEX outbox_due ON outbox (target, kind, due, record_id) WHERE NOT parked;
CREATE INDEX outbox_parked ON outbox (target, kind, since, record_id) WHERE parked;

-- How much of a counted thing records hold, and how much there is; NULL for no limit.
CREATE TABLE counters (
    key text PRIMARY KEY,
    held bigint NOT NULL DEFAULT 0,
    ceiling bigint
);

-- Which processes cannot use another store, by their own word.
CREATE TABLE absences (
    store text NOT NULL,
    process text NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (store, process)
);

-- What is to be remembered of this database as a whole.
CREATE TABLE meta (
    name text PRIMARY KEY,
    noted_at timestamptz NOT NULL DEFAULT now()
);

-- Stops a write that would take more of a counted thing than there is.
CREATE FUNCTION exhausted(key text) RETURNS boolean LANGUAGE plpgsql STRICT AS $$
BEGIN
    RAISE 'not enough left' USING ERRCODE = 'DN001', DETAIL = key;
END
$$;

-- Columns can be generated from what is immutable only. The times in documents are: they are
-- written in ISO 8601 and say how far from UTC they are, so no setting changes what they mean.
CREATE FUNCTION time_of_text(moment text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT moment::timestamptz $$;

CREATE TABLE categories (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    u_slug text,
    position bigint NOT NULL GENERATED ALWAYS AS ((content ->> 'position')::bigint) STORED,
    name text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content ->> 'name') STORED
);
CREATE UNIQUE INDEX categories_u_slug ON categories (u_slug);

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

CREATE TABLE orders (
    LIKE envelope INCLUDING ALL,
    code text NOT NULL,
    status text NOT NULL,
    payment_status text NOT NULL,
    customer_name text NOT NULL,
    customer_phone text NOT NULL,
    customer_email text,
    fulfilment text NOT NULL,
    table_name text,
    address text,
    scheduled_for timestamptz(3),
    notes text,
    coupon text,
    subtotal bigint NOT NULL CHECK (subtotal >= 0),
    discount bigint NOT NULL,
    service_charge bigint NOT NULL CHECK (service_charge >= 0),
    tax bigint NOT NULL CHECK (tax >= 0),
    tip bigint NOT NULL CHECK (tip >= 0),
    total bigint NOT NULL CHECK (total >= 0),
    currency text NOT NULL,
    history jsonb NOT NULL,
    line_count integer NOT NULL,
    holds jsonb NOT NULL,
    held_before jsonb NOT NULL DEFAULT '{}',
    terms jsonb NOT NULL DEFAULT '{}',
    tickets jsonb NOT NULL DEFAULT '[]',
    stations jsonb NOT NULL DEFAULT '[]',
    open_tickets integer NOT NULL DEFAULT 0,
    payment_count integer NOT NULL DEFAULT 0,
    user_id text,
    slot timestamptz(3),
    phone_key text NOT NULL,
    erased_at timestamptz(3),
    seating jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX orders_newest ON orders (created_at, id) WHERE NOT deleted;
-- Entries of an index are limited to a third of a page, phones are not.
CREATE INDEX orders_by_phone ON orders (left(phone_key, 100), created_at, id) WHERE NOT deleted;
CREATE INDEX orders_by_status ON orders (status, created_at, id) WHERE NOT deleted;
CREATE INDEX orders_in_kitchen ON orders (created_at, id) WHERE NOT deleted AND open_tickets > 0;
CREATE INDEX orders_by_code ON orders (left(code, 100), created_at, id) WHERE NOT deleted;
CREATE INDEX orders_by_fulfilment ON orders (fulfilment, created_at, id) WHERE NOT deleted;
CREATE INDEX orders_by_user ON orders (user_id, created_at, id) WHERE NOT deleted;
CREATE INDEX orders_changed ON orders (updated_at, id) WHERE NOT deleted;

CREATE TABLE order_items (
    order_id uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    position integer NOT NULL,
    id text NOT NULL,
    item_id text NOT NULL,
    name text NOT NULL,
    quantity bigint NOT NULL CHECK (quantity >= 0),
    unit_price bigint NOT NULL,
    options jsonb NOT NULL,
    notes text,
    total bigint NOT NULL CHECK (total >= 0),
    counted boolean NOT NULL,
    tax_rate integer NOT NULL DEFAULT 0,
    station text NOT NULL DEFAULT 'kitchen',
    revision integer NOT NULL DEFAULT 1,
    PRIMARY KEY (order_id, position)
);

-- A trigger sees lines that were committed while the writing statement waited for the order.
CREATE FUNCTION drop_surplus_lines() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM order_items WHERE order_id = NEW.id AND position >= NEW.line_count;
    RETURN NULL;
END
$$;
CREATE TRIGGER drop_surplus_lines AFTER UPDATE ON orders
    FOR EACH ROW WHEN (NEW.line_count < OLD.line_count)
    EXECUTE FUNCTION drop_surplus_lines();

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

CREATE TABLE conflicts (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    state text NOT NULL GENERATED ALWAYS AS (content ->> 'state') STORED,
    record_id text NOT NULL GENERATED ALWAYS AS (content ->> 'record_id') STORED,
    loser_id text GENERATED ALWAYS AS (content -> 'loser' ->> 'id') STORED
);
CREATE INDEX conflicts_newest ON conflicts (created_at, id) WHERE NOT deleted;
CREATE INDEX conflicts_by_state ON conflicts (state, created_at, id) WHERE NOT deleted;
CREATE INDEX conflicts_about ON conflicts (left(record_id, 100), created_at, id) WHERE NOT deleted;
CREATE INDEX conflicts_by_loser ON conflicts (left(loser_id, 100), created_at, id)
    WHERE NOT deleted AND loser_id <> record_id;

CREATE TABLE payments (
    order_id uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    position integer NOT NULL,
    id text NOT NULL,
    op_id text NOT NULL,
    method text NOT NULL,
    amount bigint NOT NULL,
    tip bigint NOT NULL,
    given bigint,
    change bigint NOT NULL CHECK (change >= 0),
    reference text,
    line_ids jsonb NOT NULL,
    till_id text,
    refund_of text,
    reason text,
    actor text NOT NULL,
    at timestamptz(3) NOT NULL,
    PRIMARY KEY (order_id, position)
);
CREATE INDEX payments_by_till ON payments (till_id) INCLUDE (method, amount);

CREATE FUNCTION drop_surplus_payments() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM payments WHERE order_id = NEW.id AND position >= NEW.payment_count;
    RETURN NULL;
END
$$;
CREATE TRIGGER drop_surplus_payments AFTER UPDATE ON orders
    FOR EACH ROW WHEN (NEW.payment_count < OLD.payment_count)
    EXECUTE FUNCTION drop_surplus_payments();

CREATE TABLE coupons (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    u_code text
);
CREATE UNIQUE INDEX coupons_u_code ON coupons (u_code);
CREATE INDEX coupons_newest ON coupons (created_at, id) WHERE NOT deleted;

CREATE TABLE carts (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    expires_at timestamptz(3) NOT NULL,
    user_id text GENERATED ALWAYS AS (content ->> 'user_id') STORED
);
CREATE INDEX carts_expired ON carts (expires_at, id) WHERE NOT deleted;
CREATE INDEX carts_by_user ON carts (user_id, created_at, id) WHERE NOT deleted;

CREATE TABLE slots (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL
);

CREATE TABLE tills (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    is_open boolean NOT NULL GENERATED ALWAYS AS (content ->> 'closed_at' IS NULL) STORED
);
CREATE INDEX tills_newest ON tills (created_at, id) WHERE NOT deleted;
CREATE INDEX tills_open ON tills (created_at, id) WHERE NOT deleted AND is_open;

CREATE TABLE customers (
    LIKE envelope INCLUDING ALL,
    phone text NOT NULL,
    name text NOT NULL,
    email text,
    notes text NOT NULL,
    first_seen timestamptz(3) NOT NULL,
    last_seen timestamptz(3) NOT NULL,
    erased_at timestamptz(3)
);
CREATE INDEX customers_newest ON customers (created_at, id) WHERE NOT deleted AND phone <> '';
CREATE INDEX customers_by_phone ON customers (left(phone, 100), created_at, id) WHERE NOT deleted;
CREATE INDEX customers_by_email ON customers (left(email, 100), created_at, id) WHERE NOT deleted;

CREATE TABLE profiles (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL
);

CREATE TABLE webhooks (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    active boolean NOT NULL GENERATED ALWAYS AS ((content ->> 'active')::boolean) STORED
);
CREATE INDEX webhooks_newest ON webhooks (created_at, id) WHERE NOT deleted;

CREATE TABLE deliveries (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    due timestamptz(3),
    webhook_id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content ->> 'webhook_id') STORED,
    state text NOT NULL GENERATED ALWAYS AS (content ->> 'state') STORED
);
CREATE INDEX deliveries_newest ON deliveries (created_at, id) WHERE NOT deleted;
CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id, created_at, id) WHERE NOT deleted;
CREATE INDEX deliveries_by_state ON deliveries (webhook_id, state, created_at, id)
    WHERE NOT deleted;
CREATE INDEX deliveries_due ON deliveries (due, id) WHERE NOT deleted AND state = 'pending';

CREATE TABLE servers (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    u_invite_code text
);
CREATE UNIQUE INDEX servers_u_invite_code ON servers (u_invite_code);

CREATE TABLE channels (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    server_id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content ->> 'server_id') STORED
);
CREATE INDEX channels_by_server ON channels (server_id, created_at, id) WHERE NOT deleted;

CREATE TABLE members (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    server_id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content ->> 'server_id') STORED,
    user_id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content ->> 'user_id') STORED,
    state text NOT NULL GENERATED ALWAYS AS (content ->> 'state') STORED
);
CREATE INDEX members_by_server ON members (server_id, created_at, id)
    WHERE NOT deleted AND state = 'active';
CREATE INDEX members_by_user ON members (user_id, created_at, id)
    WHERE NOT deleted AND state = 'active';

CREATE TABLE conversations (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    one_id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content -> 'user_ids' ->> 0) STORED,
    other_id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content -> 'user_ids' ->> 1) STORED
);
CREATE INDEX conversations_by_one ON conversations (one_id, created_at, id) WHERE NOT deleted;
CREATE INDEX conversations_by_other ON conversations (other_id, created_at, id) WHERE NOT deleted;

CREATE TABLE direct_messages (
    LIKE envelope INCLUDING ALL,
    room_id text COLLATE "C" NOT NULL,
    author_id text COLLATE "C" NOT NULL,
    content text NOT NULL,
    file_url text,
    order_id text,
    edits integer NOT NULL,
    edited_at timestamptz(3),
    removed_at timestamptz(3),
    removed_by text
);
CREATE INDEX direct_messages_by_room ON direct_messages (room_id, created_at, id)
    WHERE NOT deleted;
CREATE INDEX direct_messages_changed ON direct_messages (room_id, updated_at, id)
    WHERE NOT deleted;
CREATE INDEX direct_messages_by_author ON direct_messages (author_id, created_at, id)
    WHERE NOT deleted;

CREATE TABLE channel_messages (
    LIKE direct_messages INCLUDING ALL
);

CREATE TABLE reads (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    room_id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content ->> 'room_id') STORED
);
CREATE INDEX reads_by_room ON reads (room_id, created_at, id) WHERE NOT deleted;

CREATE TABLE used_keys (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL
);
