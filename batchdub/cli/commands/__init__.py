"""One file a command; each has a `command`, and a line in `group.ENTRIES`."""
