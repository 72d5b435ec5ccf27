"""Boards: questions about metrics that people keep, and the answers to all of a board in one request."""
