"""Live updates: change feeds and the bus between processes.

May use replication.
"""
