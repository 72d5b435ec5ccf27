"""What the pipeline and the API must both know about the database: each name once, for whoever needs it.

`file_states`: the states of a file and how they follow each other. `channels`: what is notified, and in which form.
`file_requests`: what people can ask of the pipeline about a file. `contracts`: the same about contracts and proposals.
`locks`: names of advisory locks, and how to see whether one is held. `roles`: who may read. `schema`: its version and
the columns that the API's statements depend on. Nothing here connects to a database.

`sql/` repeats some of these names, as a script cannot import them; `tests/database/test_database_contract.py` holds it
to the contract. Decision: `docs/decisions/0020-database-contract.md`.
"""
