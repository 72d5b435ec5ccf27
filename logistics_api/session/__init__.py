"""The session of a browser that is logged in with an API key."""
