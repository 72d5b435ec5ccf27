"""Sources: data that other systems serve, pulled by a definition in one YAML file, archived as received, then landed.

`definition` says what a source is, `reading` reads its file, `pulling` runs a pull. A pull ends with a file in the raw
folder; loading it is the business of `loading`. Nothing here knows Dagster.
"""
