"""What measures are called and mean, for programs and for the dashboard."""
