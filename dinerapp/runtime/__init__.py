"""Everything put together: settings, wiring, application factory, logs, metrics, commands.

The only package that sees all others.
"""
