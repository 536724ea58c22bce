"""Manifests: from a spreadsheet or a YAML file to rows, with every problem told at once.

    problems = Problems()
    files: list[ManifestFile] = []
    rows = list(read_manifests(["tonight.csv"], problems, files=files))
    problems.raise_if_any()

The rows stream; the problems are complete only when the stream has ended.
"""

from batchdub.manifest.fields import Fault
from batchdub.manifest.files import ManifestFile, fingerprint
from batchdub.manifest.load import read_again, read_manifests
from batchdub.manifest.problems import Problem, Problems, quoted
from batchdub.manifest.schema import json_schema, starter_manifest

__all__ = [
    "Fault",
    "ManifestFile",
    "Problem",
    "Problems",
    "fingerprint",
    "json_schema",
    "quoted",
    "read_again",
    "read_manifests",
    "starter_manifest",
]
