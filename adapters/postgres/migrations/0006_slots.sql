CREATE TABLE slots (
    LIKE envelope INCLUDING ALL,
    content jsonb NOT NULL
);

ALTER TABLE orders ADD COLUMN slot timestamptz(3);
