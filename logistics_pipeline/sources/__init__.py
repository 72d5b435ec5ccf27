"""Where files come from: lists them, fingerprints them, opens them as a decompressed byte stream."""
