"""Sources: data that other systems serve, pulled by a definition in one YAML file, archived as received, then landed.

`definitions` says what a source is, `requests` asks it, `pages` reads what it answers, `archive` keeps it, `pulls` puts
all of that together, `ledger` notes it. A pull ends with a file in the raw folder (`landing`); `loading` is what
follows. `checking` tries a definition, `proposing` writes one. Nothing here knows Dagster.
"""
