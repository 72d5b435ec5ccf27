"""The data contract: turns a record into a row of COPY text, or into a rejection with its reason."""
