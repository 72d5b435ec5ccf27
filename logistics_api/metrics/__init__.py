"""Prometheus metrics: `recording` counts responses, `pipeline` queries the database, `endpoints` serves /metrics.

docs/monitoring.md lists every name; deploy/prometheus and deploy/grafana use them.
"""

from logistics_api.metrics.recording import Metrics

__all__ = ["Metrics"]
