"""The analytics tables: incremental refresh, and the checks that prove them right."""
