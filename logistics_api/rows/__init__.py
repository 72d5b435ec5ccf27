"""The rows behind the figures: vehicles, vehicle logs and shipments as they were delivered, page by page."""
