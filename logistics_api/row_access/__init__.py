"""Callers that may see some rows only.

`permitted` says which, in SQL: statements about rows and metrics read them in place of the tables. `operations` says
which operations do so; `middleware` refuses all others.
"""
