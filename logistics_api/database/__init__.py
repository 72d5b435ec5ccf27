"""PostgreSQL as the API sees it: read-only connections, data freshness, time spent in statements.

`pool` lends connections and limits requests; `watcher` holds one more, which sees outages, new figures and loads;
`problems` translates PostgreSQL's errors for clients. Statements live in each subject's `queries`.
"""
