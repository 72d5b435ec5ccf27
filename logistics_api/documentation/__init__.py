"""API documentation: /openapi.json, and pages that display it without requests to other servers."""
