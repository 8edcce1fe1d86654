\set phone random(1, 5000)
BEGIN;
INSERT INTO orders (id, status, customer_name, customer_phone, fulfilment, tip, subtotal, total, currency, created_at)
VALUES (gen_random_uuid(), 'pending', 'Ada', '+4930' || :phone::int, 'pickup', 0, 7600, 7600, 'EUR', now())
RETURNING id AS order_id \gset
INSERT INTO order_items (order_id, position, item_id, name, quantity, unit_price, options, total)
SELECT :order_id::uuid, number, gen_random_uuid(), 'Pelmeni ' || number, 2, 950, '[]', 1900
FROM generate_series(0, 3) AS number;
COMMIT;
