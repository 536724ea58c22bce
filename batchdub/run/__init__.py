"""A run: from a planned manifest to orders that are proven to exist once."""
