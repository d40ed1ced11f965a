"""The one exception that users see."""


class HarmcuError(Exception):
    """A failure that the user can act on.

    The message has the form ``what happened; what to do`` and names the file, line or port. The
    command line prints it on one line and exits with 1; anything else that escapes is a bug.
    """
