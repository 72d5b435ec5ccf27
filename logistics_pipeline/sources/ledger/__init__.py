"""The ledger of pulls: what was pulled, asked for and found, as rows of the database and as files beside the pages."""
