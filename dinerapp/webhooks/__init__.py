"""Webhooks for order events: endpoints, signed deliveries, and their retries.

May use ordering, accounts, live and replication.
"""
