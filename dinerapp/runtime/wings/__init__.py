"""The declaration of each wing: its kinds with their stores, its routes, how to build services."""
