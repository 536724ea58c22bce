"""F-86: a ledger is not kept where other machines share its file, and a synced folder is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchdub.errors import LedgerUnusableError
from batchdub.ledger import placement, require_local, synced_folder

MOUNTS = """\
/dev/sda1 / ext4 rw,relatime 0 0
nas:/dubs /mnt/nas nfs4 rw,vers=4.2 0 0
//win/share /mnt/win\\040share cifs rw 0 0
tmpfs /mnt/nas/local tmpfs rw 0 0
host:/ /mnt/ssh fuse.sshfs rw 0 0
half a line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/mnt/nas/batchdub.db", "nfs4"),
        ("/mnt/nas/shows/season2/batchdub.db", "nfs4"),
        ("/mnt/win share/batchdub.db", "cifs"),
        ("/mnt/ssh/batchdub.db", "fuse.sshfs"),
    ],
)
def test_a_ledger_on_a_network_file_system_is_refused(path, kind):
    """F-86: its locks and its shared memory hold on one machine only."""
    with pytest.raises(LedgerUnusableError, match=f"network file system .{kind}") as caught:
        require_local(Path(path), lambda: MOUNTS)

    assert caught.value.exit_code == 10
    assert "local disk" in caught.value.hint


@pytest.mark.parametrize("path", ["/srv/batchdub.db", "/mnt/nas/local/a.db", "/mnt/nas2/a.db"])
def test_any_other_place_is_taken(path):
    """F-86: the innermost mount counts, and a name that only begins alike is another place."""
    require_local(Path(path), lambda: MOUNTS)


def test_the_later_of_two_mounts_at_one_place_counts():
    """F-86: it hides the earlier one."""
    over = f"{MOUNTS}tmpfs /mnt/nas tmpfs rw 0 0\n"

    assert placement.shared_by(Path("/mnt/nas/a.db"), over) is None


def test_where_nothing_tells_the_mounts_nothing_is_refused(monkeypatch):
    """F-86: macOS has no such list."""

    def refuse(*_, **__):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(placement.Path, "read_text", refuse)
    require_local(Path("/mnt/nas/batchdub.db"))


def test_this_machines_own_temporary_folder_is_taken(tmp_path):
    """F-86: the real list, read for real."""
    require_local(tmp_path / "batchdub.db")


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/home/a/Dropbox/dubs/batchdub.db", "Dropbox"),
        ("/Users/a/Library/CloudStorage/Box/batchdub.db", "CloudStorage"),
        ("/home/a/OneDrive - Studio/batchdub.db", "OneDrive - Studio"),
        ("/home/a/Box/batchdub.db", "Box"),
        ("/home/a/boxes/batchdub.db", None),
        ("/home/a/dubs/dropbox.db", None),
    ],
)
def test_a_folder_that_a_cloud_client_copies_is_named(path, folder):
    """F-86: that it is synced can only be guessed, so the run is warned and goes on."""
    assert synced_folder(Path(path)) == folder


@pytest.mark.parametrize("mark", [".dropbox", ".stfolder"])
def test_a_synced_folder_of_another_name_is_known_by_its_mark(tmp_path, mark):
    """F-86: the client leaves it in the folder's root."""
    (tmp_path / "season" / "one").mkdir(parents=True)
    (tmp_path / "season" / mark).touch()

    assert synced_folder(tmp_path / "season" / "one" / "batchdub.db") == "season"
    assert synced_folder(tmp_path / "batchdub.db") is None


def test_what_macos_prints_is_read_as_well():
    """F-86: there is no /proc there."""
    mounts = placement.from_mount_command(
        "/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)\n"
        "//ana@nas._smb._tcp.local/The Dubs on /Volumes/The Dubs (smbfs, nodev, nosuid)\n"
        "map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)\n"
        "nonsense\n"
    )

    assert placement.shared_by(Path("/Volumes/The Dubs/batchdub.db"), mounts) == "smbfs"
    assert placement.file_system_of(Path("/srv/batchdub.db"), mounts) == "apfs"


def test_macos_is_asked_by_its_own_command(monkeypatch):
    """F-86: where the command is not there, nothing is refused."""
    monkeypatch.setattr(placement.sys, "platform", "darwin")
    monkeypatch.setattr(placement, "_ask_mount", lambda: "nas:/a on /mnt/nas (nfs)\n")
    with pytest.raises(LedgerUnusableError, match="nfs"):
        require_local(Path("/mnt/nas/batchdub.db"))
