"""Contracts of the users' datasets in the database: versions, proposals, acceptance, the folder that people edit.

The database says which datasets there are; the files in `data/contracts` are what people read, edit and keep in git.
No Dagster here. What a file holds is judged in `inference`; the raw tables are made in `migrations`.
"""
