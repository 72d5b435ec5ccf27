"""Route figures; a route is an origin and a destination."""
