"""What transport costs, and how that moved."""
