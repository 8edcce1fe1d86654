"""Notes that outlive either database, in one file."""
