"""Who may ask: keys and their scopes, requests without one, limits of rate, and the session of a browser.

`admission` decides; `keys` knows the keys, `limits` counts, `origins` tells a browser's own page from somebody else's,
`routes` lets a browser log in.
"""

from logistics_api.access.admission import Access
from logistics_api.access.keys import Principal

__all__ = ["Access", "Principal"]
