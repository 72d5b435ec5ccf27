"""Ingestion: the ledger of files, their batches and rejects, and what an operator's page needs. Uploads are apart."""
