"""What a restaurant does: menu, carts, orders, kitchen, till, coupons, slots, customers.

May use accounts, live and replication.
"""
