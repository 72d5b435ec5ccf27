"""Row access: which rows of which datasets a caller of the API may see.

`rules` holds what was granted, `rule_texts` reads it as people write it, `permitted_records` makes it SQL.
"""
