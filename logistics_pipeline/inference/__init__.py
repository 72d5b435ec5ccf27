"""What a file of unknown shape holds: bytes in, a proposed contract out. Nothing is stored, nothing ambiguous decided."""
