"""Questions about metrics of any dataset: what is asked, from which tables it is answered, and the SQL for it.

REST, GraphQL and the dashboard ask here. `metric_query` says what can be asked, `planner` chooses between
pre-aggregates and records, `metric_sql` writes the statement, `registry` knows which pre-aggregates there are.
"""
