"""Connections to PostgreSQL, as the pipeline, the API and Dagster's storage all need them; nothing here runs a query.

`urls`: addresses of databases, and messages that show no password. `sessions`: the settings of every session, set and
verified after connecting. `poolers`: recognises poolers that lend a session for one transaction only. Decision:
`docs/decisions/0023-database-sessions.md`.
"""
