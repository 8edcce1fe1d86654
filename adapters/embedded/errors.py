"""Errors of the servers that the application runs itself."""


class EmbeddedServerError(Exception):
    """An embedded server could not be started or stopped; the message says why and what to do."""


class EmbeddedServerUnavailable(EmbeddedServerError):
    """This machine has no server binary, or one that it cannot run."""
