"""External ids: what they stand for, who said so, and what people decide."""
