"""One record, two stores: versions, merge, store ports, outbox, relay, followers, anti-entropy.

Knows no domain, driver or framework, and could be published as a library of its own. Adapters
implement its ports; wings declare their kinds with it.
"""
