"""The command line: what a person types, and what they read.

`main` is the door: the one place where errors become messages and exit codes. `group` lists
the commands, `documented` is the help they share, `options` are the options that several have,
`commands/` has one file a command: parse, one call, render. Data goes to standard output by
`render`, talk to standard error by `Talk` and `progress`. Whatever is slow to import is
imported by the command that needs it.
"""
