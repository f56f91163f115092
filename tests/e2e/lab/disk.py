"""A file system of its own under one folder of a lab, so small that it can be filled, and that can turn read-only."""

import shutil

from . import namespace, proc

SIZE_MB = 48
ROOM_MB = 16


class Disk:
    """Programs that use the folder are not running at mount and unmount; its content moves along, both ways."""

    def __init__(self, lab, folder):
        self.lab, self.folder = lab, folder
        self.image, self.copy = lab.folder / f"{folder.name}.img", lab.folder / f"{folder.name}.copy"

    def sh(self, script):
        return proc.run(namespace.enter(self.lab, ["sh", "-e", "-c", script, "sh", self.folder, self.image, self.copy]))

    def mount(self):
        used_mb = sum(f.stat().st_size for f in self.folder.rglob("*") if f.is_file()) >> 20
        self.image.unlink(missing_ok=True)
        proc.run(["truncate", "-s", f"{max(SIZE_MB, used_mb + ROOM_MB)}M", self.image])
        proc.run(["mkfs.ext4", "-q", "-F", "-m", "0", self.image])
        self.sh('mkdir "$3"; mount -o loop,errors=remount-ro "$2" "$3"; rmdir "$3/lost+found"; cp -a "$1/." "$3"; mount --move "$3" "$1"; rmdir "$3"')

    def unmount(self):
        self.make_room()
        self.sh('mkdir "$3"; cp -a "$1/." "$3"; umount "$1"; find "$1" -mindepth 1 -delete; cp -a "$3/." "$1"')
        shutil.rmtree(self.copy)
        self.image.unlink()

    def fill(self):
        """Until not even one block is free."""
        self.sh('dd if=/dev/zero of="$1/filler" bs=64k status=none || :; dd if=/dev/zero of="$1/rest" bs=1 status=none || :')

    def make_room(self):
        self.sh('rm -f "$1/filler" "$1/rest"')

    def fail(self):
        """What the kernel does when it finds the file system broken: no write passes from here on."""
        self.sh('mount -o remount,abort "$1"')

    def read_only(self, on=True):
        self.sh(f'mount -o remount,{"ro" if on else "rw"} "$1"')
