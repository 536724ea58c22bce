"""Whatever the bytes are, reading ends in rows and problems, never in an exception."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import NAMES, read_manifest
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


@pytest.mark.parametrize("name", NAMES)
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
        read_manifest(folder, name, data)

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
        read_manifest(folder, name, starts[name].encode() * with_start + data)

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


_SHIPPED = sorted((Path(__file__).resolve().parents[2] / "manifests").iterdir())
_CHANGES = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 8),
        st.binary(max_size=4) | st.sampled_from([b'"', b"\n", b"\0", b"&a ", b"\xff\xfe", b": "]),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("shipped", _SHIPPED, ids=lambda path: path.name)
def test_a_good_manifest_with_a_few_bytes_changed_gives_only_rows_and_problems(folder, shipped):
    """A cut transfer, a bad disk, a slip of the hand: most of it is still as it was.

    Faults: F-65, F-66.
    """
    whole = shipped.read_bytes()

    @given(_CHANGES)
    @settings(max_examples=150)
    def holds(changes):
        data = whole
        for where, cut, put in changes:
            start = int(where * len(data))
            data = data[:start] + put + data[start + cut :]
        read_manifest(folder, shipped.name, data)

    holds()


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8"), max_size=30),
            st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252"]),
        ),
        max_size=6,
    ),
    st.sampled_from(NAMES),
)
def test_encodings_that_change_within_a_file_are_told(folder, parts, name):
    """Two exports were put together, each in its own way (F-66)."""
    header = f"video,audio,x\n{VIDEO},{AUDIO},"
    texts = [header.encode(), *(text.encode(codec, "replace") for text, codec in parts)]

    read_manifest(folder, name, b"".join(texts))


_MIB = 1024 * 1024
_DEEP = 200_000
_HUGE = {
    "lists in JSON": ("m.json", b'{"jobs":' + b"[" * _DEEP),
    "objects in JSON": ("m.json", b'{"a":' * _DEEP),
    "lists in YAML": ("m.yaml", b"jobs: " + b"[" * _DEEP),
    "blocks in YAML": ("m.yaml", b"jobs:\n" + b"- " * _DEEP),
    "mappings in YAML": ("m.yaml", b"jobs: " + b"{a: " * _DEEP),
    "keys in YAML": ("m.yaml", b"? " * _DEEP),
    "aliases in YAML": (
        "m.yaml",
        b"a: &a [x, x, x, x, x, x, x, x, x]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (n + 1, n + 1, b", ".join([b"*%c" % n] * 9)) for n in range(97, 118)
        ),
    ),
    "a placeholder of itself": (
        "m.yaml",
        b"matrix:\n  a: ['{b}']\n  b: ['{a}{a}']\nvideo: '{a}'\naudio: '{b}'\n",
    ),
    "a cell": ("m.csv", f"video,audio,x\n{VIDEO},{AUDIO},".encode() + b"x" * 24 * _MIB),
    "a quoted cell": ("m.csv", f'video,audio,x\n{VIDEO},{AUDIO},"'.encode() + b"x\n" * 12 * _MIB),
    "a header": ("m.csv", b"video,audio" + b",x" * 4 * _MIB),
    "a scalar in YAML": ("m.yaml", b"name: " + b"x" * 24 * _MIB),
    "a text in JSON": ("m.json", b'{"name": "' + b"x" * 24 * _MIB + b'"}'),
    "one digit after the other": ("m.json", b'{"jobs": [' + b"1" * 4 * _MIB + b"]}"),
}


@pytest.mark.parametrize("what", _HUGE)
def test_what_is_too_deep_or_too_large_is_told_in_bounded_memory(folder, what):
    """Neither the stack nor the memory is the manifest's to use up.

    Faults: F-65, F-66.
    """
    name, data = _HUGE[what]
    tracemalloc.start()
    try:
        got = read_manifest(folder, name, data)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert got.rows == []
    assert got.lines
    assert peak_bytes < 300 * _MIB
