-- At which table an order is, how often it was moved, and which orders are on one bill.
ALTER TABLE orders ADD COLUMN seating jsonb NOT NULL DEFAULT '{}';
