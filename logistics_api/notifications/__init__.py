"""Notifications: messages with their attempts, endpoints, and a feed of events. Reads only."""
