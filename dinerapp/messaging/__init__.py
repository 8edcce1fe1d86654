"""People talking: servers, channels, members, conversations, messages, what has been read.

May use ordering, accounts, live and replication.
"""
