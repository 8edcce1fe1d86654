CREATE TABLE menu_items (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    u_slug text,
    category text COLLATE "C" NOT NULL GENERATED ALWAYS AS (content ->> 'category') STORED,
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
    held_before jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX orders_newest ON orders (created_at, id) WHERE NOT deleted;
-- Entries of an index are limited to a third of a page, phones are not.
CREATE INDEX orders_by_phone ON orders (left(customer_phone, 100), created_at, id) WHERE NOT deleted;
CREATE INDEX orders_by_status ON orders (status, created_at, id) WHERE NOT deleted;
CREATE INDEX orders_by_fulfilment ON orders (fulfilment, created_at, id) WHERE NOT deleted;

CREATE TABLE order_items (
    order_id uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    position integer NOT NULL,
    id text NOT NULL,
    item_id text NOT NULL,
    name text NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    unit_price bigint NOT NULL,
    options jsonb NOT NULL,
    notes text,
    total bigint NOT NULL CHECK (total >= 0),
    counted boolean NOT NULL,
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
