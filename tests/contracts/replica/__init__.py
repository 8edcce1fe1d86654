"""The contract of `Replica`, for every kind of record in every store: a module per topic."""
