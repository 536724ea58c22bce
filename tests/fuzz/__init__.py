"""Hostile text for the manifest reader and the reply parser, as long as one likes.

The ordinary tests do the same by hypothesis, within seconds; `python -m tests.fuzz` lets atheris
look for new paths through the code, if it is installed.
"""
