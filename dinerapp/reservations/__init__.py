"""Reservations: areas and their tables, and which party has which table when.

It may use accounts, ordering (the restaurant's hours, how guests are recognised) and replication.
"""
