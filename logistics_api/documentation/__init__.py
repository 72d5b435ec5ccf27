"""The API about itself: /openapi.json, and pages that show it, without a request to anywhere else."""
