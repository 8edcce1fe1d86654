"""The contract of `Repository`, for every kind of record however it is kept: a module per topic."""
