"""Rules, incidents and silences: what they are, and what people do about them."""
