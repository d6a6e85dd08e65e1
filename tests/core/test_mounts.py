import pytest

from lorabuild.core.mounts import foreign

TABLE = r"""/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb /home/me/disk ext4 rw 0 0
//box/share /mnt/the\040share cifs rw 0 0
sshfs /mnt/ssh fuse.sshfs rw 0 0
C:\134 /mnt/c 9p rw 0 0
/dev/sdc /media/stick fuseblk rw 0 0
none /twice tmpfs rw 0 0
host /twice virtiofs rw 0 0
short line
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "mounts"
    path.write_text(TABLE, "utf-8")
    return path


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/srv/dataset", ""),
        ("/home/me/dataset", "nfs4"),
        ("/home", "nfs4"),
        ("/homes", ""),
        ("/home/me/disk/dataset", ""),
        ("/mnt/the share/dataset", "cifs"),
        ("/mnt/ssh/dataset", "fuse.sshfs"),
        ("/mnt/c/Users/me", "9p"),
        ("/media/stick", ""),
        ("/twice/x", "virtiofs"),
    ],
)
def test_the_nearest_mount_decides(table, folder, kind):
    assert foreign(folder, table) == kind


def test_a_link_onto_a_network_mount_counts_as_one(table, tmp_path):
    (tmp_path / "data").symlink_to("/mnt/ssh/dataset")
    assert foreign(str(tmp_path / "data"), table) == "fuse.sshfs"


def test_without_a_table_nothing_is_foreign(tmp_path):
    assert foreign("/anywhere", tmp_path / "no table") == ""


def test_this_machine_has_a_table_and_the_temporary_folder_is_its_own(tmp_path):
    assert foreign(str(tmp_path)) == ""
