"""Messaging: servers, channels, members, conversations, messages, read markers.

May use ordering, accounts, live and replication.
"""
