"""What other systems are told of orders: endpoints, signed deliveries, and their retries.

May use ordering, accounts, live and replication.
"""
