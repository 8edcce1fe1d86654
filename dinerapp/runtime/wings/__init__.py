"""A file for each wing: its kinds with their stores, its routes, and how its services are built."""
