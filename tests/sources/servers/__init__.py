"""HTTP servers that behave as the documentation of public APIs says, or that break in a way that one asks for.

`http` serves, `faults` breaks a response, `fleet` holds the records, which may change while they are read, `paging`,
`access` and `limits` are the parts that an API is built from: `fleet_api` puts any of them together, `documented` has
one module for each public API.
"""
