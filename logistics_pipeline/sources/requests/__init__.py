"""How a source is asked: connections and HTTP, one request and its response, credentials, rate limits, retries."""
