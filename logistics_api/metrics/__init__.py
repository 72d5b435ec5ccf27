"""What the API tells Prometheus about itself: `requests` counts answers, `pipeline` asks the database, `routes` sends.

docs/monitoring.md lists every name; deploy/prometheus and deploy/grafana use them.
"""

from logistics_api.metrics.recording import Metrics

__all__ = ["Metrics"]
