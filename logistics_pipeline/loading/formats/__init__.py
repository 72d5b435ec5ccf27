"""File formats: detects a file's layout and reads its records, each with its position."""
