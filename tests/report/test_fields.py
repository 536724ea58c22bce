"""The columns that scripts rely on, and what becomes of the user's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batchdub.report import REPORT_COLUMNS, report_row, shown_names

CONTRACT = (
    "reference_id, revision, state, request_id, remote_status, error, attempts, http_status, "
    "source, video_url, audio_url, output_url, output_file, submitted_at, finished_at, run_id"
)


def test_the_columns_are_the_contracts_in_order():
    """A script that reads the sixth column must find the error there."""
    assert ", ".join(REPORT_COLUMNS) == CONTRACT


def test_a_users_column_keeps_its_name():
    """What went in comes out."""
    assert shown_names(["language", "season"]) == {"language": "language", "season": "season"}


def test_a_users_column_that_hides_one_of_ours_is_prefixed():
    """`state` in a spreadsheet means the federal state, perhaps."""
    assert shown_names(["state", "language"]) == {
        "state": "manifest.state",
        "language": "language",
    }


def test_a_prefixed_name_hides_no_other_column():
    """Not even one that somebody named like that."""
    shown = shown_names(["state", "manifest.state"])

    assert shown == {"state": "manifest.manifest.state", "manifest.state": "manifest.state"}


@given(
    st.lists(
        st.sampled_from([*REPORT_COLUMNS, "manifest.state", "manifest.manifest.state", "episode"])
    )
)
def test_no_two_columns_share_a_name(extra):
    """A JSON object would lose one of them."""
    shown = shown_names(extra)
    columns = [*REPORT_COLUMNS, *shown.values()]

    assert set(shown) == set(extra)
    assert len(columns) == len(set(columns))


def test_a_row_has_every_column_in_order():
    """What is not known is there, as nothing; another manifest's column as well."""
    shown = shown_names(["state", "language"])

    row = report_row({"state": "pending", "revision": 1}, {"state": "Hamburg"}, shown)

    assert tuple(row) == (*REPORT_COLUMNS, "manifest.state", "language")
    assert row["state"] == "pending"
    assert row["manifest.state"] == "Hamburg"
    assert row["request_id"] is None
    assert row["language"] is None
