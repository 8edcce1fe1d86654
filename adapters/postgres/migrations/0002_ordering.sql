-- Payments, kitchen tickets, the terms an order was placed on, coupons and tills.
ALTER TABLE orders
    ADD COLUMN terms jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN tickets jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN stations jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN open_tickets integer NOT NULL DEFAULT 0,
    ADD COLUMN payment_count integer NOT NULL DEFAULT 0;
CREATE INDEX orders_in_kitchen ON orders (created_at, id) WHERE NOT deleted AND open_tickets > 0;
CREATE INDEX orders_by_code ON orders (left(code, 100), created_at, id) WHERE NOT deleted;

ALTER TABLE order_items
    ADD COLUMN tax_rate integer NOT NULL DEFAULT 0,
    ADD COLUMN station text NOT NULL DEFAULT 'kitchen',
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    DROP CONSTRAINT order_items_quantity_check,
    ADD CONSTRAINT order_items_quantity_check CHECK (quantity >= 0);

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

CREATE TABLE tills (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL,
    is_open boolean NOT NULL GENERATED ALWAYS AS (content ->> 'closed_at' IS NULL) STORED
);
CREATE INDEX tills_newest ON tills (created_at, id) WHERE NOT deleted;
CREATE INDEX tills_open ON tills (created_at, id) WHERE NOT deleted AND is_open;
