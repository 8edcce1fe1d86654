-- Customers and profiles. Orders are found by their phone as numbers are compared; of older ones
-- it is known only as it was typed.
ALTER TABLE orders ADD COLUMN phone_key text, ADD COLUMN erased_at timestamptz(3);
UPDATE orders SET phone_key = customer_phone;
ALTER TABLE orders ALTER COLUMN phone_key SET NOT NULL;
DROP INDEX orders_by_phone;
CREATE INDEX orders_by_phone ON orders (left(phone_key, 100), created_at, id) WHERE NOT deleted;

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
