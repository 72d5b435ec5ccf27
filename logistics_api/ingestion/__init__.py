"""Ingestion: files in the ledger, their batches and rejects, and operating figures. Uploads have their own package."""
