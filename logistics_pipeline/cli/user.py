"""The user of the machine who runs a command."""

import getpass

LONGEST_NAME = 200


def user_name() -> str:
    """The name; `a person` for a user without one, as in a container."""
    try:
        return getpass.getuser()[:LONGEST_NAME]
    except (OSError, KeyError):
        return "a person"
