"""The rows behind the figures, as delivered: vehicles, vehicle logs and shipments, page by page."""
