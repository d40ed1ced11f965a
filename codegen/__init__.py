"""A bundle in, C sources and a board project out: the same bundle always gives the same bytes."""
