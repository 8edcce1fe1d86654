"""Webhooks for events that wings declare: endpoints, signed deliveries, and their retries.

May use ordering, accounts, live and replication.
"""
