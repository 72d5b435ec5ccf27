"""What leaves the database for a folder or a store: datasets, rejects, the ledger, or everything; and the way back."""
