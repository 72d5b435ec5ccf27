"""Authentication and authorisation: API keys and their scopes, anonymous requests, rate limits.

`admission` decides, `api_keys` holds the keys, `rate_limits` counts requests, `origins` tells the dashboard's own pages
from those of other sites. `logistics_api.session` lets a browser sign in.
"""

from logistics_api.http.auth.admission import Access
from logistics_api.http.auth.api_keys import Principal

__all__ = ["Access", "Principal"]
