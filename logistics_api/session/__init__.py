"""The session of a browser that signed in with an API key."""
