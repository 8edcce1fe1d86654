"""Users and what they may do: accounts, roles, tokens, profiles.

May use live and replication.
"""
