"""Whatever the bytes are, reading ends in rows and problems, never in an exception."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdub.manifest.fields import reference_fault, url_fault
from tests.manifest.conftest import AUDIO, VIDEO, read_paths

_TABLE_PIECES = (
    ["video_url", "audio", "reference_id", "x", ",", ";", "\t", "\n", "\r\n", '"', '""', " "],
    [VIDEO, AUDIO, "\0", "\ufeff", "é日\u200b", "\udcff"],
)
_YAML_PIECES = (
    ["jobs:", "matrix:", "defaults:", "name", "video: ", "audio: ", "'{x}'", "x", VIDEO, AUDIO],
    ["\n", "\n  ", "- ", "{", "}", "[", "]", ": ", ", ", "&a ", "*a", "!!str ", "<<: ", '"', "'"],
    ["\t", "|", ">", "#", "---", "? ", "%", "\0", "\\ud800", "null", "01", "~", "\udcff"],
)


def _bytes_of(pieces):
    listed = [piece.encode("utf-8", "surrogateescape") for group in pieces for piece in group]
    return st.lists(st.sampled_from(listed), max_size=60).map(b"".join)


_TABLE = _bytes_of(_TABLE_PIECES)
_YAML = _bytes_of(_YAML_PIECES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def check(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    got = read_paths(str(path))
    assert got.rows or got.lines
    assert got.lines or not got.problems.rows_left_out
    assert len(got.files) == 1 or got.problems.blocking
    for row in got.rows:
        assert reference_fault(row.reference_id) is None
        assert url_fault(row.video_url) is None
        assert url_fault(row.audio_url) is None
        assert row.source.path == str(path)
    for line in got.lines + got.warnings:
        assert line.isprintable()
        assert line.startswith(str(path))


@pytest.mark.parametrize("name", ["m.csv", "m.yaml", "m.json", "m"])
def test_any_bytes_give_only_problems(folder, name):
    """A manifest comes from anywhere.

    Faults: F-65, F-66.
    """

    @given(
        st.one_of(
            st.binary(max_size=400),
            st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
        )
    )
    @settings(max_examples=300)
    def holds(data):
        check(folder, name, data)

    holds()


@pytest.mark.parametrize(
    ("name", "parts"), [("m.csv", _TABLE), ("m.yaml", _YAML), ("m.json", _YAML)]
)
def test_any_order_of_meaningful_pieces_gives_only_rows_and_problems(folder, name, parts):
    """Nearly right files reach further into the readers than noise does.

    Faults: F-65, F-66.
    """

    @given(parts, st.booleans())
    @settings(max_examples=600)
    def holds(data, with_start):
        starts = {
            "m.csv": f"video,audio,x\n{VIDEO},{AUDIO},",
            "m.yaml": "jobs:\n- ",
            "m.json": '{"jobs":[',
        }
        check(folder, name, starts[name].encode() * with_start + data)

    holds()


@given(
    st.lists(
        st.tuples(
            *[st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)] * 2
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_written_by_the_rules_comes_back_unchanged(
    tmp_path_factory, cells, separator, encoding
):
    """Any printable text survives quoting, separators and encodings.

    Faults: F-63, F-66.
    """
    quote = '"{}"'.format
    lines = [separator.join(["video", "audio", "reference_id", "a", "b"])]
    for number, pair in enumerate(cells):
        texts = [quote(text.replace('"', '""')) for text in pair]
        lines.append(separator.join([VIDEO, AUDIO, f"r{number}", *texts]))
    path = tmp_path_factory.mktemp("round") / "m.csv"
    path.write_bytes("\r\n".join(lines).encode(encoding))

    got = read_paths(str(path))

    assert [(row.columns["a"], row.columns["b"]) for row in got.rows] == cells
