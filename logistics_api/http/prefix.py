"""The path under which a reverse proxy publishes the API, and which it takes away before it forwards a request.

Addresses of the API's own that are not relative begin with it: `RequestContext.prefix`. The dashboard works without it:
its pages refer to everything relative to themselves.
"""

import re

from logistics_core.settings import PATH_PREFIX

HEADER = b"x-forwarded-prefix"
LONGEST = 200


def forwarded_prefix(sent: bytes) -> str:
    """The prefix that a proxy sent in X-Forwarded-Prefix, such as `/logistics`; empty if it is not a plain path."""
    prefix = sent.decode("latin-1").strip().removesuffix("/")
    return prefix if len(prefix) <= LONGEST and re.fullmatch(PATH_PREFIX, prefix, re.ASCII) else ""
