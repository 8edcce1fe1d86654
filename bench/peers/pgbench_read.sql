\set number random(0, 999)
SELECT orders.*, order_items.* FROM picked
JOIN orders ON orders.id = picked.id
JOIN order_items ON order_id = orders.id
WHERE number = :number;
