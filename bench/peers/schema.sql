CREATE TABLE menu_items (
    id uuid PRIMARY KEY,
    category text NOT NULL,
    slug text NOT NULL UNIQUE,
    name text NOT NULL,
    description text NOT NULL,
    position integer NOT NULL,
    price integer NOT NULL,
    station text NOT NULL,
    dietary jsonb NOT NULL,
    allergens jsonb NOT NULL,
    option_groups jsonb NOT NULL,
    available boolean NOT NULL,
    stock integer NOT NULL CHECK (stock >= 0)
);

CREATE TABLE orders (
    id uuid PRIMARY KEY,
    idempotency_key text UNIQUE,
    body_hash text,
    status text NOT NULL,
    customer_name text NOT NULL,
    customer_phone text NOT NULL,
    customer_email text,
    fulfilment text NOT NULL,
    table_name text,
    address text,
    notes text,
    tip integer NOT NULL,
    subtotal integer NOT NULL,
    total integer NOT NULL,
    currency text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX ON orders (created_at, id);
CREATE INDEX ON orders (customer_phone, created_at);
CREATE INDEX ON orders (status, created_at);

CREATE TABLE order_items (
    order_id uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    position integer NOT NULL,
    item_id uuid NOT NULL,
    name text NOT NULL,
    quantity integer NOT NULL,
    unit_price integer NOT NULL,
    options jsonb NOT NULL,
    notes text,
    total integer NOT NULL,
    PRIMARY KEY (order_id, position)
);
