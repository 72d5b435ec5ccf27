"""Authentication and authorisation: API keys and their scopes, requests without a key, rate limits.

`authentication` identifies the sender of a request, then `authorisation` decides whether to admit it. `credentials`
reads the key from the headers, `api_keys` holds the active keys, `anonymous` defines what is allowed without a key,
`origins` distinguishes the dashboard's own pages from those of other sites, and `rate_limits` counts requests.
docs/security.md describes the threats this protects against. `logistics_api.session` lets a browser log in.
"""
