"""Authentication and authorisation: API keys and their scopes, requests without a key, rate limits.

`authorisation` decides whether a request may pass, after `authentication` has found out whose it is: `credentials`
reads the key from the headers, `api_keys` holds the keys in force, `anonymous` says what is allowed without one,
`origins` tells the dashboard's own pages from those of other sites, and `rate_limits` counts requests. docs/security.md
says what this protects from. `logistics_api.session` lets a browser sign in.
"""
