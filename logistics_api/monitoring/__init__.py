"""Prometheus metrics: `recording` counts responses, `pipeline` queries the database, `endpoints` serves /metrics.

docs/monitoring.md lists every name; deploy/prometheus and deploy/grafana use them.
"""
