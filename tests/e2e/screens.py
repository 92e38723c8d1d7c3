"""Real guests with text on their screens, for test_text.py and the benchmark: what they show as pictures and, where
there is another way to know it, as text."""

import os
import shutil
import subprocess
import time

import kit

READER = kit.BUILD + "/tests/screen_text"
CODE, VARS = "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"
ISO = kit.BUILD + "/guest/kiln-guest.iso"
WORDS = "quiet loglevel=0 cryptomgr.notests no_timer_check mitigations=off consoleblank=0"

# A guest that shows a file on its console and tells what the console then has.
INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
$b stty raw -echo </dev/ttyS0
echo '<READY>'
while read -r what; do
    case $what in
    show) $b cat /text >/dev/tty1 ;;
    plain) $b cat /plain >/dev/tty1 ;;
    font) $b loadfont </font.psf >/dev/tty1 ;;
    size) $b stty size </dev/tty1 ;;
    dump) $b hexdump -v -e '1/4 "%x "' /dev/vcsu1; echo ;;
    esac
    echo "<$what>"
done
"""

# All that can be seen in code page 437 but the full block, which looks like a space of the other colour.
ASCII = "".join(map(chr, range(33, 127)))
LINES = ("┌─────┬─────┐ ╔═════╦═════╗ ░▒▓▄▌▐▀■", "│ abc │ def │ ║ ghi ║ jkl ║ °±²·÷≈√ⁿ", "├─────┼─────┤ ╠═════╬═════╣ ╓╥╖╒╤╕",
         "└─────┴─────┘ ╚═════╩═════╝ ╟╫╢╞╪╡ ╙╨╜╘╧╛", "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥ƒáíóúñÑªº¿¬½¼¡«»ßµ ΓπΣσ")


# Of these, what a font of 256 glyphs for western languages has.
PLAIN = ("┌─────┬─────┐ °±²·÷", "│ abc │ def │", "├─────┼─────┤", "└─────┴─────┘", LINES[4].split()[0])


def linux_text(lines):
    """With colours, inverse; nothing has the colour of its ground."""
    colors = "".join(f"\033[3{c}mColour {c} \033[1mbright\033[0m \033[4{c};3{7 - c}mground {c}\033[0m "
                     f"\033[7;3{c}mnegative\033[0m" + "\r\n" * (c % 2) for c in range(1, 8))
    # Nearly a printer's test page: every row begins with another character.
    page = "\r\n".join((ASCII[i:] + ASCII[:i])[:78] for i in range(0, 94, 9))
    return "\033[2J\033[H" + colors + "\r\n" + "\r\n".join(lines) + "\r\n" + page + "\r\nlogin: "


class Screen:
    """A QEMU and what it shows."""

    def __init__(self, case, name, *args, memory=64):
        self.base = case.path(name)
        self.case = case
        self.frames = 0
        self.serial = None
        self.log = b""
        self.process = subprocess.Popen(["qemu-system-x86_64", "-accel", "tcg", "-m", str(memory), "-display", "none", "-nodefaults",
                                         "-vga", "std", "-qmp", f"unix:{self.base}.qmp,server=on,wait=off", *args],
                                        stdin=subprocess.DEVNULL)

    def close(self):
        if self.serial:
            self.serial.close()
        self.process.kill()
        self.process.wait()

    def qmp(self, command, **arguments):
        return kit.monitor(self.base + ".qmp", command, **arguments)

    def key(self, *keys):
        self.qmp("send-key", keys=[{"type": "qcode", "data": k} for k in keys])

    def picture(self):
        self.frames += 1
        path = f"{self.base}-{self.frames}.ppm"
        self.qmp("screendump", filename=path)
        return path

    def memory(self, columns, rows):
        """The text of VGA text mode, as the card has it."""
        path = self.base + ".mem"
        self.qmp("pmemsave", val=0xb8000, size=columns * rows * 2, filename=path)
        with open(path, "rb") as f:
            codes = f.read()[::2]
        return ["".join(CP437[c] for c in codes[r * columns:(r + 1) * columns]) for r in range(rows)]

    def still(self):
        """A picture and VGA's memory of the same moment."""
        self.qmp("stop")
        try:
            return self.picture(), self.memory(80, 25)
        finally:
            self.qmp("cont")

    def until(self, text, patience=kit.PATIENCE):
        """The first picture that shows it."""
        last = b""

        def shown():
            nonlocal last
            path = self.picture()
            with open(path, "rb") as f:
                seen, last = last, f.read()
            if last != seen and text in "\n".join(read(path)[0].rows):
                return path
            os.unlink(path)
            time.sleep(0.05)  # the guest needs the processor, too
            return None
        return kit.until(shown, f"{text!r} on the screen", patience)

    def tell(self, what):
        """A command for INIT; its answer."""
        self.serial.sendall(what.encode() + b"\n")
        return self.hear(what)

    def hear(self, what):
        end = f"<{what}>\n".encode()
        while end not in self.log:
            data = self.serial.recv(65536)
            assert data, "the guest has ended"
            self.log += data.replace(b"\r", b"")
        answer, self.log = self.log.split(end, 1)
        return answer.decode("latin1")

    def console(self):
        """The rows of Linux' console, as it says itself."""
        rows, columns = map(int, self.tell("size").split())
        codes = [chr(int(c, 16)) for c in self.tell("dump").split()]
        assert len(codes) == rows * columns
        return ["".join(codes[r * columns:(r + 1) * columns]) for r in range(rows)]


class Text:
    """What screen_text says about one picture."""

    def __init__(self, said):
        head, rest = said.split("\n", 1)
        size, grid, _, cursor, self.font = head.split(" ", 4)
        self.columns, self.lines = map(int, size.split("x"))
        self.cell, self.x, self.y = grid.split("+")
        self.cursor = tuple(map(int, cursor.split(",")))
        rows = rest[:-1].split("\n") if rest[:-1] else []
        self.rows = [r.ljust(self.columns) for r in rows + [""] * (self.lines - len(rows))]


def read(*pictures):
    said = subprocess.run([READER, *pictures], check=True, capture_output=True).stdout.decode()
    return [Text(s) for s in said.split("\f\n")[:-1]]


def frame_us(picture, times=200):
    """How long reading a whole frame takes, and finding its grid."""
    said = subprocess.run([READER, "-b", str(times), picture], check=True, capture_output=True).stderr.decode().split()
    return float(said[1]), float(said[3])


def cp437():
    """What the VGA BIOS shows for each byte."""
    low = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"
    middle = "".join(map(chr, range(32, 127))) + "⌂"
    return low + middle + bytes(range(128, 255)).decode("cp437") + " "


CP437 = cp437()


def wrong_cells(got, truth):
    """Cells that are another character than they should be, as (row, column, got, should be). A full block and a
    space are the same picture."""
    return [(y, x, got[y][x] if y < len(got) and x < len(got[y]) else None, c)
            for y, row in enumerate(truth) for x, c in enumerate(row)
            if (got[y][x] if y < len(got) and x < len(got[y]) else None) != (" " if c == "█" else c)]


# ---- the guests ----


def uefi(case, name):
    variables = case.path(name + ".vars")
    shutil.copy(VARS, variables)
    return ("-machine", "q35", "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={CODE}",
            "-drive", f"if=pflash,format=raw,unit=1,file={variables}")


def demo_files(case, init=INIT):
    """Kernel, busybox and modules of the demo guest, and an initrd of our own that begins with `init`."""
    kernel, old = case.path("vmlinuz"), case.path("initrd.img")
    root = case.path("initrd")
    subprocess.run(["xorriso", "-osirrox", "on", "-indev", ISO, "-extract", "/boot/vmlinuz", kernel,
                    "-extract", "/boot/initrd.img", old], check=True, stderr=subprocess.DEVNULL)
    for directory in ("bin", "dev", "proc"):
        os.makedirs(f"{root}/{directory}")
    subprocess.run(f"zstd -dc {old} | cpio -id --quiet bin/busybox 'modules/*'", shell=True, cwd=root, check=True)
    for name, content in (("init", init), ("text", linux_text(LINES)), ("plain", linux_text(PLAIN))):
        with open(f"{root}/{name}", "w", encoding="utf-8", newline="") as f:
            f.write(content)
    os.chmod(root + "/init", 0o755)
    with open(root + "/font.psf", "wb") as f:
        subprocess.run(["gunzip", "-c", "/usr/share/consolefonts/Lat15-Fixed16.psf.gz"], stdout=f, check=True)
    subprocess.run(f"find . | cpio -o -H newc -R 0:0 --quiet >{case.path('initrd.cpio')}", shell=True, cwd=root, check=True)
    return kernel, case.path("initrd.cpio")


def linux(case, name, files, *args):
    kernel, initrd = files
    screen = Screen(case, name, "-kernel", kernel, "-initrd", initrd, "-append", "console=tty0 " + WORDS,
                    "-serial", f"unix:{case.path(name)}.serial,server=on,wait=off", *args, memory=256)
    screen.serial = kit.socket.socket(kit.socket.AF_UNIX)
    screen.serial.settimeout(kit.PATIENCE)
    kit.until(lambda: screen.serial.connect_ex(screen.base + ".serial") == 0, "the serial port")
    return screen


GRUB_ENTRIES = ("Install the system", "Rescue: {}[]()<>!@#$%^&*_-+=|~`\"", "The quick brown fox jumps over the lazy dog 0123456789")


def grub_menu():
    """The frame of GRUB's menu with its entries, 1024x768."""
    width, height = 121, 35
    entries = [" " + e for e in GRUB_ENTRIES]
    entries[0] = "*" + entries[0][1:]
    yield "┏" + "━" * width + "┓"
    for i in range(height):
        yield "┃" + (entries[i] if i < len(entries) else "").ljust(width) + "┃"
    yield "┗" + "━" * width + "┛"


def grub_iso(case, name, graphic):
    root = case.path(name)
    os.makedirs(root + "/boot/grub")
    with open(root + "/boot/grub/grub.cfg", "w") as f:
        if graphic:
            f.write("insmod all_video\ninsmod gfxterm\nloadfont unicode\nset gfxmode=1024x768\nterminal_output gfxterm\n")
        for entry in GRUB_ENTRIES:
            f.write(f"menuentry '{entry}' {{ true; }}\n")
    subprocess.run(["grub-mkrescue", "-o", root + ".iso", root, "--locales=", "--themes="], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return root + ".iso"


GRUB_MENU = list(grub_menu())


def startup_disk(case):
    """What UEFI's shell runs: every row of a test page, echoed."""
    root = case.path("esp")
    os.makedirs(root)
    with open(root + "/startup.nsh", "w", newline="") as f:
        f.write("@echo -off\r\n" + "".join(f'echo "{row}"\r\n' for row in SHELL_ROWS) + "echo ---\r\n")
    return ("-drive", f"if=none,id=esp,format=raw,file=fat:rw:{root}", "-device", "ide-hd,drive=esp")


# Without what the shell itself understands.
SHELL_TEXT = "".join(c for c in ASCII if c not in '"%^#')
SHELL_ROWS = [str(i) + (SHELL_TEXT[i * 9:] + SHELL_TEXT[:i * 9])[:77] for i in range(10)]
