"""Sources, in the schema `source`: how the API asks for a pull. The states of a pull are in `pull_states`."""

REQUEST_PULL = "source.request_pull(%(source)s, %(resource)s, %(requested_by)s)"
"""SQL call that returns the number of a pending request: a new one, unless there was one already; NULL if there is no
such source in force that can be pulled, or a thousand requests are pending already."""
