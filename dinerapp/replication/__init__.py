"""One record, two stores: versions, merge, store ports, outbox, relay, followers, anti-entropy.

Knows no domain, no driver and no framework; it could leave this house as a library. Adapters
implement its ports; wings declare their kinds with it.
"""
