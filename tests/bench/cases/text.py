"""Text on the screens of real guests: how many cells are right, and the CPU time that reading a frame takes."""
import os
import sys

from bench import SOURCE
from report import Row, Target

sys.path.insert(0, os.path.join(SOURCE, "tests/e2e"))

ABOUT = "the guest's screen as text: time of a frame, cells that are right"


class Place:
    def __init__(self, directory):
        self.directory = directory

    def path(self, name):
        return os.path.join(self.directory, name)


def guests(screens, here):
    """Name, guest, what it shows when it is ready (None: when it is told to), its text as it should be."""
    yield ("SeaBIOS, 720x400", screens.Screen(here, "seabios"), "No bootable device.", lambda s: s.memory(80, 25))
    yield ("GRUB, 1024x768", screens.Screen(here, "grub", "-cdrom", screens.grub_iso(here, "grub-iso", True), memory=128),
           "Install the system", lambda s: screens.GRUB_MENU)
    yield ("UEFI shell, 1280x800",
           screens.Screen(here, "shell", *screens.uefi(here, "shell"), *screens.startup_disk(here), memory=256), "---",
           lambda s: screens.SHELL_ROWS)
    yield ("Linux framebuffer, 1280x800", screens.linux(here, "efi", screens.demo_files(here), *screens.uefi(here, "efi")), None,
           lambda s: s.console())


def wrong_share(screens, text, truth):
    """Percent of cells, wherever the rows begin on the screen."""
    top = next(i for i, row in enumerate(text.rows) if truth[0].rstrip() in row)
    left = text.rows[top].index(truth[0].rstrip())
    wrong = screens.wrong_cells([r[left:] for r in text.rows[top:]], truth)
    return 100 * len(wrong) / sum(map(len, truth))


def measure(bench, screens, name, picture, truth, rows):
    frame = Row(name + ": a frame, all new, CPU time", "ms", Target("value", 2))
    search = Row(name + ": finding font and grid, CPU time", "ms")
    wrong = Row(name + ": wrong cells", "%", Target("value", 0 if "720x400" in name else 0.1))
    for _ in range(1 if bench.quick else 5):
        frame_us, search_us = screens.frame_us(picture)
        frame.add("kiln", frame_us / 1000)
        search.add("kiln", search_us / 1000)
    wrong.add("kiln", wrong_share(screens, screens.read(picture)[0], truth))
    rows += [frame, search, wrong]


def run(bench):
    import screens  # pylint: disable=import-outside-toplevel
    here, rows = Place(bench.directory("text")), []
    for name, screen, ready, truth in guests(screens, here):
        bench.say(name)
        try:
            if not ready:
                screen.hear("READY")
                screen.tell("show")
            picture = screen.until(ready) if ready else screen.picture()
            measure(bench, screens, name, picture, truth(screen), rows)
        finally:
            screen.close()
    return rows
