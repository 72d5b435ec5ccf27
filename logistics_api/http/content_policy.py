"""The content security policy of pages of packages: files of this server alone, and the page's own scripts."""

import re
from base64 import b64encode
from hashlib import sha256

_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def content_security_policy(page: bytes, *, has_fonts: bool = False) -> str:
    """Allows the page's inline scripts by hash. The pages set inline styles; ReDoc searches in a worker.

    The policy also prevents ReDoc from loading a logo from its vendor's site.
    """
    hashes = [f"'sha256-{b64encode(sha256(script).digest()).decode()}'" for script in _INLINE.findall(page)]
    return "; ".join(
        [
            "default-src 'self'",
            " ".join(["script-src 'self'", *hashes]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            *(["font-src 'self' data:"] if has_fonts else []),
            "worker-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "object-src 'none'",
        ]
    )
