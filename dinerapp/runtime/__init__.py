"""Puts the application together: settings, wiring, factory, logs, metrics, commands.

The only package that may import all others.
"""
