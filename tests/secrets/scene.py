"""One night with every secret planted, in real processes; all that it leaves behind, by kind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.secrets import planted
from tests.secrets.hostile_api import HostileApi, reference

ROOT = Path(__file__).resolve().parents[2]
KEY_VARIABLE = "CHAMELAION_API_KEY"
QUICK = ("--rate", "unlimited", "--settle", "0.2s", "--no-canary")
_DEVELOPER = ("-X", "dev", "-X", "faulthandler")
_PLAIN = ("-m", "batchdub")
_PATIENCE_S = 60


class Scene:
    """The folder of a night; `artefacts` holds by kind whatever was printed or written."""

    def __init__(self, folder: Path, api: HostileApi) -> None:
        self.folder = folder
        self.api = api
        self.artefacts: dict[str, bytes] = defaultdict(bytes)
        self.codes: dict[str, set[int]] = defaultdict(set)
        self._lock = threading.Lock()
        self._own: set[Path] = set()
        for name in ("home", "tmp"):
            (folder / name).mkdir()

    # -- what is given ------------------------------------------------------------------------

    def plant(self) -> None:
        """Write the manifests and the key files: they alone may hold secrets."""
        good = ["video_url,audio_url,reference_id,title,preview"]
        bad = [*good]
        for number, (name, query) in enumerate(_signed_rows(), 1):
            links = [_link(medium, name, query[medium], number) for medium in ("video", "audio")]
            good.append(f"{','.join(links)},{reference(number)},t,{planted.column_link('audio')}")
            bad.append(_spoilt(number, links))
        self._write("good.csv", "\n".join(good) + "\n")
        self._write("bad.csv", "\n".join(bad) + "\n")
        self._write("two-lines.key", f"{planted.KEY}\n{planted.BEARER}\n")

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        self._own.add(path)

    # -- what is done -------------------------------------------------------------------------

    def run(
        self,
        kind: str,
        *arguments: str,
        how: Sequence[str] = _PLAIN,
        given: str | None = "-vv",
        **environ: str,
    ) -> str:
        """Run batchdub to its end and keep what it printed under `kind`; gives its output."""
        more = () if given is None else (given,)
        done = subprocess.run(  # noqa: S603  our own program
            [sys.executable, *how, *arguments, *more],
            cwd=self.folder,
            env=self._environment(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_PATIENCE_S,
        )
        with self._lock:
            self.artefacts[kind] += done.stdout + done.stderr
            self.codes[kind].add(done.returncode)
        return done.stdout.decode()

    def report_files(self, ledger: str) -> None:
        """Write what only a file can hold: a workbook, unzipped here, and a manifest.

        The manifest has whole links because it is one; what is said meanwhile has none.
        """
        self.run("report xlsx", "report", "--output", "night.xlsx", "--ledger", ledger)
        with zipfile.ZipFile(self.folder / "night.xlsx") as book:
            self.artefacts["report xlsx"] += b"".join(map(book.read, book.namelist()))
        again = ("report", "--as-manifest", "--output", "again.csv", "--ledger", ledger)
        self.run("report as manifest", *again)
        self._own.add(self.folder / "again.csv")

    def wrapped(self, kind: str, how: str, *arguments: str) -> None:
        """Run it with all that the interpreter and the libraries can be made to say."""
        self.run(
            kind,
            *arguments,
            how=(*_DEVELOPER, "-m", "tests.secrets.wrapped", how),
            PYTHONASYNCIODEBUG="1",
            BATCHDUB_DEBUG="1",
        )

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("BATCHDUB_", "CHAMELAION_")) and "proxy" not in name.lower()
        }
        planted_here = {
            KEY_VARIABLE: f"{planted.KEY}\n",
            "CHAMELAION_BEARER_TOKEN": planted.BEARER,
            "HTTPS_PROXY": self.api.base_url.replace(
                "http://", f"http://studio:{planted.PROXY_PASSWORD}@"
            ).removesuffix("/api"),
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.folder / "home" / "state"),
            "TMPDIR": str(self.folder / "tmp"),
        }
        return kept | planted_here | more

    @contextmanager
    def sandbox(self, *faults: str) -> Iterator[str]:
        """Serve a sandbox that takes the planted key alone; gives its base URL."""
        options = [word for fault in faults for word in ("--fault", fault)]
        said = self.folder / "home" / "sandbox's talk"
        with said.open("wb") as talk, subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, *_PLAIN, "sandbox", "--port", "0", "-vv", "--state", "books.jsonl",
             "--rate", "unlimited", *options],
            cwd=self.folder,
            env=self._environment({"BATCHDUB_SANDBOX_KEY": planted.KEY}),
            stdout=subprocess.PIPE,
            stderr=talk,
        ) as process:  # fmt: skip
            try:
                yield process.stdout.readline().decode().strip()
            finally:
                process.terminate()
        self._keep("the sandbox's talk", said)

    # -- what is found ------------------------------------------------------------------------

    def look_around(self) -> None:
        """Keep what only a look during a run can find: the WAL, the lock, the process list."""
        for path in sorted(self.folder.glob("hostile.db*")):
            self._keep("the ledger while a run goes on", path)
        ps = shutil.which("ps")
        if ps is not None:
            listed = subprocess.run(  # noqa: S603  fixed words
                [ps, "-eww", "-o", "args"], capture_output=True, check=False, timeout=_PATIENCE_S
            )
            with self._lock:
                self.artefacts["the process list"] += listed.stdout

    def collect(self) -> None:
        """Keep every file that the night left, by its kind; the scene's own do not count."""
        kinds = {
            ".db": "the ledger", ".bak": "the backup", ".jsonl": "the sandbox's books",
            ".proof": "the certificate", ".lock": "the lock", ".events": "the events",
            ".log": "the log file", ".plan": "the plan's file", ".zip": "the support bundle",
            ".json": "the notes beside dubs",
        }  # fmt: skip
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path not in self._own:
                self._keep(kinds.get(path.suffix, "any other file"), path)

    def _keep(self, kind: str, path: Path) -> None:
        with self._lock:
            self.artefacts[kind] += f"{path.name}\n".encode() + _content(path)


def _content(path: Path) -> bytes:
    """Give what a search can find something in: of an archive, what was packed."""
    if path.suffix != ".zip":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return b"".join(map(archive.read, archive.namelist()))


def _signed_rows() -> Iterator[tuple[str, dict[str, str]]]:
    video, audio = planted.signed_queries("video"), planted.signed_queries("audio")
    for _ in range(4):
        for name in video:
            yield name, {"video": video[name], "audio": audio[name]}


def _link(medium: str, name: str, query: str, number: int) -> str:
    password = planted.URL_PASSWORDS[medium == "audio"]
    login = f"studio:{password}@" if number % 2 else ""
    ending = "mp4" if medium == "video" else "wav"
    return f"https://{login}cdn.example.com/{name}/{number}.{ending}?{query}"


def _spoilt(number: int, links: list[str]) -> str:
    """Give a row with something wrong near its links, each in another way."""
    video, audio = links
    return (
        f"{video.replace('https:', 'ftp:')},{audio},{reference(number)},t,p",
        f"{video.replace('.mp4', ' .mp4')},{audio},{reference(number)},t,p",
        f"{reference(number)},{video},{audio},t,p",
        f"{video},{audio},{video},{audio},p",
        f"{video},{audio}",
        f"{video.removeprefix('https:')},{audio.replace('cdn', '[::1')},a/b,t,p",
        f'"{video},{audio}",,,\x07{audio},p',
    )[number % 7]
