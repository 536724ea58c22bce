"""Pre-flight on the command line: what is doomed, what is held, and what looks wrong."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from batchdub.states import JobState
from tests.cli.nights import CDN, ROOT, SANDBOX, books_of, ids, ledger_with, told, write_manifest
from tests.support import links

NOW = datetime.now(UTC)
DEAD, SOON, LATER = (NOW + timedelta(hours=hours) for hours in (-1, 0.1, 9))


def write(folder, *rows, name="tonight.csv", header="reference_id,video_url,audio_url,language"):
    (folder / name).write_text("\n".join([header, *rows]) + "\n")
    return name


def row(number, until=LATER, language="ja", make=links.aws_v4):
    video = make(until, f"{CDN}/{number}.mp4")
    return f"{ids(number)},{video},{CDN}/{number}.wav,{language}"


@pytest.mark.parametrize(
    "command", [("validate",), ("plan",), ("plan", "--preflight"), ("run", *SANDBOX)]
)
def test_a_dead_link_is_a_problem_with_its_place(cli, tmp_path, command):
    """F-60: exit 2 before anything is made or sent; no signature is shown."""
    manifest = write(tmp_path, row(1), row(2, DEAD), row(3, DEAD, make=links.azure))

    result = cli(*command, manifest)

    assert result.code == 2
    assert [
        line.partition(" died on ")[0] for line in result.err.splitlines() if "died" in line
    ] == [
        "tonight.csv:3:9: video_url: the signed link (AWS V4)",
        "tonight.csv:4:9: video_url: the signed link (Azure SAS)",
    ]
    assert "fresh links" in result.err
    assert "fe5f80f7" not in result.err + result.out
    assert [path.name for path in tmp_path.iterdir()] == [manifest]


@pytest.mark.real_time
def test_with_skip_invalid_the_rest_is_ordered_and_the_dead_row_held(cli, tmp_path):
    """F-60: it waits for fresh links, and the summary names it."""
    manifest = write(tmp_path, row(1), row(2, DEAD), row(3))

    result = cli("run", manifest, *SANDBOX, "--skip-invalid")

    assert result.code == 8
    assert books_of(tmp_path) == {ids(1): 1, ids(3): 1}
    assert "tonight.csv:3: `S01E002`: held back: its video link (AWS V4) dies on" in result.err
    assert told(result) == ["batchdub plan tonight.csv"]
    assert "held back and not sent: its video link" in cli("show", ids(2)).out


@pytest.mark.real_time
def test_a_row_that_is_ordered_needs_no_living_link(cli, tmp_path):
    """The morning after every link is dead, and the same command is still no error."""
    cli("run", write(tmp_path, row(1), row(2)), *SANDBOX)
    manifest = write(tmp_path, row(1, DEAD), row(2, DEAD))

    again = cli("run", manifest, *SANDBOX)
    planned = cli("plan", manifest)

    assert (again.code, planned.code) == (0, 0)
    assert "nothing to order" in planned.err


def test_a_plan_holds_what_dies_before_its_turn(cli, tmp_path):
    """F-60: the pace decides, and the margin."""
    expiry = datetime.now(UTC) + timedelta(minutes=20)
    rows = [row(number, expiry) for number in range(1, 11)]
    manifest = write(tmp_path, *rows)

    slow = cli("plan", manifest, "--rate", "1/min", "--format", "jsonl")
    bare = cli("plan", manifest, "--rate", "1/min", "--link-margin", "1s")

    fates = [json.loads(line) for line in slow.out.splitlines()]
    assert [each["fate"] for each in fates] == ["new"] * 5 + ["held"] * 5
    assert "too soon after its turn at" in fates[-1]["reason"]
    assert "10 rows: 5 new, 5 held" in slow.err
    assert "5 orders at 1/min" in slow.err
    assert "10 rows: 10 new" in bare.err


def test_a_plan_learns_the_pace_of_auto_from_the_ledger(cli, tmp_path):
    """As the run will: a hundred rows in a tenth of a second, not in a hundred."""
    until = datetime.now(UTC) + timedelta(minutes=16)
    manifest = write(tmp_path, *(row(number, until) for number in range(1, 101)))
    assert " held" in cli("plan", manifest, "--rate", "auto").err
    ledger, _ = ledger_with(tmp_path, other=JobState.SUBMITTED)
    with ledger.transaction():
        ledger.set_meta("learned_per_s", "1000.0")
    ledger.close()

    assert "100 rows: 100 new" in cli("plan", manifest, "--rate", "auto").err


def test_rows_that_are_served_by_a_column_are_held_only_if_dead_for_the_first(cli, tmp_path):
    """Which turn is whose is not known from the manifest's order then; a late one is held later."""
    until = datetime.now(UTC) + timedelta(minutes=20)
    manifest = write(tmp_path, *(row(number, until) for number in range(1, 21)))
    slow = ("run", manifest, "--dry-run", "--rate", "1/min")

    assert "15 held" in cli(*slow).err
    assert "20 rows: 20 new" in cli(*slow, "--order", "language").err


def test_a_run_that_begins_later_has_its_turns_later(cli, tmp_path):
    """F-60: links that are good now may be dead when the window opens."""
    opens = datetime.now(UTC).astimezone() + timedelta(hours=2)
    manifest = write(tmp_path, row(1, datetime.now(UTC) + timedelta(hours=1)), row(2))

    result = cli("run", manifest, "--dry-run", "--not-before", f"{opens:%H:%M}")

    assert "2 rows: 1 new, 1 held" in result.err


def test_preflight_tells_what_is_known_of_signed_links(cli, tmp_path):
    """F-60: how many, when the first dies, and which may die with their credentials."""
    extra = "&X-Amz-Security-Token=hush"
    temporary = f"{ids(2)},{links.aws_v4(LATER, f'{CDN}/2.mp4', extra=extra)},{CDN}/2.wav,ja"
    manifest = write(tmp_path, row(1, make=links.google_v4), temporary)

    bare, result = cli("plan", manifest), cli("plan", manifest, "--preflight")

    assert "signed links" not in bare.err
    assert "signed links: 1 Google V4, 1 AWS V4; the first dies on" in result.err
    assert "1 link signed with temporary credentials" in result.err
    assert "hush" not in result.err


def swapped_and_twin(folder):
    """Three good rows, one with its links swapped, one with another row's dub."""
    good = [f"{ids(n)},{CDN}/{n}.mp4,{CDN}/{n}.wav,ja" for n in (1, 2, 3)]
    swapped = f"{ids(4)},{CDN}/4.wav,{CDN}/4.mp4,ja"
    twin = f"{ids(5)},{CDN}/5.mp4,{CDN}/1.wav,ko"
    return write(folder, *good, swapped, twin)


WRONG = (
    "tonight.csv:5:9: video_url: ends in .wav, and audio_url in .mp4 (are the two swapped?)",
    "tonight.csv:6:39: audio_url: the same audio as at tonight.csv:2, where language is `ja` (here it is `ko`: one of the two has the wrong dub)",  # noqa: E501  one line, as it is printed
)


@pytest.mark.real_time
def test_a_run_warns_of_pairs_that_look_wrong_before_it_orders(cli, tmp_path):
    """They are ordered all the same: nobody but a person can know."""
    result = cli("run", swapped_and_twin(tmp_path), *SANDBOX)

    assert result.code == 0
    assert result.err.splitlines()[:2] == [f"warning: {line}" for line in WRONG]
    assert sum(books_of(tmp_path).values()) == 5


@pytest.mark.parametrize(
    ("command", "warns"),
    [(("validate",), True), (("plan",), False), (("plan", "--preflight"), True),
     (("run", "--dry-run"), True)],
)  # fmt: skip
def test_who_else_warns_of_pairs(cli, tmp_path, command, warns):
    """`plan` where it is asked to."""
    result = cli(*command, swapped_and_twin(tmp_path))
    assert result.code == 0
    assert all((f"warning: {line}" in result.err) is warns for line in WRONG)


@pytest.mark.parametrize("command", [("validate",), ("plan",), ("run", *SANDBOX)])
def test_strict_makes_problems_of_them(cli, tmp_path, command):
    """For a night that nobody watches."""
    result = cli(*command, "--strict", swapped_and_twin(tmp_path))

    assert result.code == 2
    assert result.err.splitlines()[:2] == list(WRONG)
    assert "2 problems in the manifest" in result.err


@pytest.mark.real_time
def test_strict_and_skip_invalid_order_the_rest(cli, tmp_path):
    """Those that look wrong are left out, and told."""
    result = cli("run", swapped_and_twin(tmp_path), *SANDBOX, "--strict", "--skip-invalid")

    assert result.code == 8
    assert books_of(tmp_path) == {ids(n): 1 for n in (1, 2, 3)}
    assert f"warning: left out: {WRONG[0]}" in result.err
    assert "5 rows: 3 submitted, 2 invalid" in result.err


def test_only_the_chosen_rows_are_looked_at(cli, tmp_path):
    """A dead link of another language is none of tonight's business."""
    manifest = write(tmp_path, row(1), row(2, DEAD, "ko"), row(3), row(4, DEAD))

    assert cli("plan", manifest, "--only", "language=ja", "--limit", "3").code == 0
    assert cli("plan", manifest, "--only", "language=ja").code == 2
    assert cli("plan", manifest, "--limit", "1").code == 0


def test_no_more_than_a_screenful_of_warnings(cli, tmp_path):
    """F-67: the question must not scroll away."""
    rows = [f"{ids(n)},{CDN}/{n}.wav,{CDN}/{n}.mp4,ja" for n in range(1, 31)]

    result = cli("plan", write(tmp_path, *rows), "--preflight")

    assert result.err.count("are the two swapped?") == 20
    assert "warning: … and 10 more warnings; `batchdub validate` tells them" in result.err


def test_yaml_names_the_line_of_a_dead_link_too(cli, tmp_path):
    """Where a value comes from, not where its row begins."""
    (tmp_path / "a.yaml").write_text(
        f"jobs:\n  - reference_id: a\n    video: '{links.aws_v2(DEAD)}'\n    audio: {CDN}/a.wav\n"
    )
    assert (
        "a.yaml:3:12: video_url: the signed link (AWS V2) died on" in cli("validate", "a.yaml").err
    )


def test_an_ordinary_manifest_has_nothing_to_tell(cli, tmp_path):
    """Silence is worth something only if it is the rule."""
    result = cli("plan", write_manifest(tmp_path), "--preflight")
    assert "warning" not in result.err
    assert "signed" not in result.err


def test_the_shipped_manifests_have_nothing_to_tell(cli):
    """Neither have these."""
    for path in sorted((ROOT / "manifests").iterdir()):
        assert "warning" not in cli("validate", str(path)).err


@contextmanager
def media_server(answers):
    """Serve media: (status, type, body) by path; gives the address and what was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.command, self.path, dict(self.headers)))
            status, kind, body = answers.get(self.path, (200, "video/mp4", b"film"))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815  the library's own spelling

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


PAGE = (200, "text/html", b"<p>please log in</p>")
WAV = (200, "audio/wav", b"sound")
MEDIA = {"/1.wav": WAV, "/2.wav": (404, "text/plain", b""), "/3.mp4": PAGE, "/3.wav": WAV}


def probed_manifest(folder, server):
    rows = [f"{ids(n)},{server}/{n}.mp4,{server}/{n}.wav,ja" for n in (1, 2, 3)]
    return write(folder, *rows)


@pytest.mark.real_time
@pytest.mark.parametrize("command", [("plan",), ("run", "--dry-run"), ("run", *SANDBOX)])
def test_a_probe_finds_what_cannot_be_fetched(cli, tmp_path, command):
    """Exit 2, with file and line, and nothing is made; no key goes to a media server."""
    with media_server(MEDIA) as (server, asked):
        manifest = probed_manifest(tmp_path, server)
        result = cli(*command, manifest, "--probe")

    assert result.code == 2
    told_of = [line.partition(" (")[0] for line in result.err.splitlines()[1:3]]
    assert told_of == [
        "tonight.csv:3: audio_url: cannot be fetched: its server answers HTTP 404",
        "tonight.csv:4: video_url: is no video: its server says `text/html`",
    ]
    assert [path.name for path in tmp_path.iterdir()] == [manifest]
    assert not any("uthorization" in name for _, _, headers in asked for name in headers)


@pytest.mark.real_time
def test_with_skip_invalid_what_cannot_be_fetched_is_held_and_then_freed(cli, tmp_path):
    """The next probe finds it mended; a plan asks nothing that is known, a run looks anew."""
    answers = dict(MEDIA)
    with media_server(answers) as (server, asked):
        manifest = probed_manifest(tmp_path, server)
        first = cli("run", manifest, *SANDBOX, "--probe", "--skip-invalid")
        answers.update({"/2.wav": WAV, "/3.mp4": (200, "video/mp4", b"film")})
        del asked[:]
        planned = cli("plan", manifest, "--probe")
        asked_by_plan = {path for _, path, _ in asked}
        second = cli("resume", *SANDBOX, "--probe")

    assert (first.code, second.code) == (8, 0), second.err
    assert "tonight.csv:3: `S01E002`: held back: its audio cannot be fetched" in first.err
    assert books_of(tmp_path) == {ids(n): 1 for n in (1, 2, 3)}
    assert {"/2.wav", "/3.mp4"} <= asked_by_plan
    assert not {"/2.mp4", "/3.wav"} & asked_by_plan
    assert "2 known from less than an hour ago, 0 of no use" in planned.err
    assert "4 links looked at, 0 of no use" in second.err


@pytest.mark.real_time
def test_a_plan_shows_what_a_probe_holds(cli, tmp_path):
    """With the reason, as the run would."""
    with media_server(MEDIA) as (server, _):
        manifest = probed_manifest(tmp_path, server)
        result = cli("plan", manifest, "--probe", "--skip-invalid", "--format", "jsonl")

    assert [json.loads(line)["fate"] for line in result.out.splitlines()] == ["new", "held", "held"]
