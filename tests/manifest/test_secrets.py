"""No secret of a manifest reaches a message, wherever it has slipped to."""

from __future__ import annotations

import pytest

from batchdub.errors import ManifestError
from tests.manifest.conftest import AUDIO, VIDEO

SECRETS = [
    "https://me:hush@cdn.example.com:bad/a.mp4",
    "https://cdn.example.com/a b.mp4?X-Amz-Algorithm=1&X-Amz-Signature=hush",
    "ftp://me:hush@cdn.example.com/a.mp4",
    "cdn.example.com/a.mp4?sig=hush",
    "https://[::1/a?token=hush",
    "//me:hush@cdn/a",
    "https://h/{x}?sig=hush",
    "HTTPS://h/a\x07?sig=hush",
]


def says_nothing(got):
    assert got.lines
    for text in (*got.lines, *got.warnings, repr(got.rows), repr(got.problems.first())):
        assert "hush" not in text
    with pytest.raises(ManifestError) as caught:
        got.problems.raise_if_any()
    assert "hush" not in repr(caught.value)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("place", range(4))
def test_a_link_in_any_cell_is_never_quoted(read, secret, place):
    """A missing separator moves every cell by one, and the rest of the row is wrong too.

    Faults: F-69.
    """
    cells = ["nonsense", "nonsense", "a/b", "maybe"]
    cells[place] = secret

    says_nothing(
        read(
            "video,audio,reference_id,disable_active_speaker_detection\n"
            + ",".join(f'"{cell}"' for cell in cells)
            + "\n"
        )
    )


@pytest.mark.parametrize("secret", SECRETS)
def test_a_link_as_a_name_is_never_quoted(read, secret):
    """A table without a header, a mapping turned round, a placeholder that is a link."""
    quoted = secret.replace("\x07", "")
    says_nothing(read(f"{secret},video\n{VIDEO},{AUDIO}\n"))
    says_nothing(read(f"'{quoted}': x\njobs: []\n", "m.yaml"))
    says_nothing(read(f"jobs: [{{'{quoted}': [x], video: '{quoted}', audio: x}}]\n", "m.yaml"))
    says_nothing(read(f"jobs: [{{reference_id: '{{{quoted}}}', a: x}}]\n", "m.yaml"))
    says_nothing(read(f"jobs: [{{a: x, '{quoted}': y, '{quoted}': z}}]\n", "m.yaml"))


def test_a_signed_link_in_a_users_column_loses_its_signature(read):
    """Columns are kept in the ledger and come back in reports; a link without secrets stays."""
    signed = "https://h/a?AWSAccessKeyId=1&Expires=2&Signature=hush"
    got = read(f"video,audio,preview,page\n{VIDEO},{AUDIO},{signed},HTTP://H/a?b=1#c\n")

    assert dict(got.rows[0].columns) == {"preview": "https://h/a", "page": "HTTP://H/a?b=1#c"}
