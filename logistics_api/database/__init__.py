"""Access to PostgreSQL: read-only connections, data freshness, time spent in statements.

`pool` provides connections and limits requests; `watcher` uses another one to detect outages, new figures and loads;
`problems` translates PostgreSQL's errors for clients. Statements live in each subject's `queries`.
"""
