"""Files as they lie in the raw folder: lists them, fingerprints them, opens them as a decompressed byte stream."""
