"""From pages in the archive to records of a dataset, and to one file in the raw folder."""
