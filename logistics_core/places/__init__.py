"""Places of files, as sources of `kind: files` declare them, for every program that reads or fills them."""
