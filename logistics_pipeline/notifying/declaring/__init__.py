"""Endpoints and subscriptions as people declare them, and how the database follows `notifications.yaml`."""
