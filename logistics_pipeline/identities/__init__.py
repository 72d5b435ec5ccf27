"""External ids: takes in links, finds what they change, and proposes links.

What is declared is in `logistics_core.catalogue.identities`; how figures follow links in
`logistics_core.metrics.relations`; the refresh that recomputes them in `analytics`.
"""
