"""PostgreSQL as the API sees it: read-only connections, data freshness, time spent in statements."""
