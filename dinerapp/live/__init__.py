"""What changes while somebody is looking: change feeds and the bus between processes.

May use replication.
"""
