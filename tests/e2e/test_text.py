"""Text on the screens of real guests, against the video memory, the guest's own console, or what was written there."""

import os
import subprocess
import unittest

import kit
import screens

NEEDED = (screens.CODE, "/usr/share/grub/unicode.pf2", "/usr/share/consolefonts/Lat15-Fixed16.psf.gz", "/usr/lib/grub/i386-pc",
          "/usr/lib/grub/x86_64-efi")


def needs_guests(test):
    missing = [p for p in NEEDED if not os.path.exists(p)]
    return unittest.skipIf(missing or not kit.have("grub-mkrescue", "xorriso", "zstd", "cpio"), f"not there: {missing}")(test)


@kit.needs_qemu
@needs_guests
class Text(kit.Case):
    def start_guest(self, name, *args, **options):
        screen = screens.Screen(self, name, *args, **options)
        self.addCleanup(screen.close)
        return screen

    def check_vga(self, screen):
        """Every cell against the video memory, with the cursor on and off."""
        stills = [screen.still() for _ in range(4)]
        texts = screens.read(*[picture for picture, _ in stills])
        for text, (_, truth) in zip(texts, stills):
            self.assertEqual((text.columns, text.lines), (80, 25))
            self.assertEqual(screens.wrong_cells(text.rows, truth), [])
        return texts

    def check_rows(self, text, truth):
        """At least 999 of 1000 cells of these rows, wherever on the screen they begin."""
        top = text.rows.index(next(r for r in text.rows if truth[0] in r))
        left = text.rows[top].index(truth[0])
        got = [row[left:] for row in text.rows[top:]]
        wrong = screens.wrong_cells(got, truth)
        self.assertLessEqual(len(wrong) * 1000, sum(map(len, truth)), wrong)

    def check_console(self, screen, shown, font):
        """Linux' console against what it says of itself."""
        screen.tell(shown)
        truth = screen.console()
        texts = screens.read(*[screen.picture() for _ in range(4)])
        for text in texts:
            wrong = screens.wrong_cells(text.rows, truth)
            self.assertLessEqual(len(wrong) * 1000, text.columns * text.lines, wrong)
            self.assertIn(font, text.font)

    def test_screens(self):
        """All guests start at once."""
        subprocess.run([kit.SOURCE + "/tests/guest/build.sh", kit.BUILD + "/guest"], check=True, stdout=subprocess.DEVNULL)
        files = screens.demo_files(self)
        shell = self.start_guest("shell", *screens.uefi(self, "shell"), *screens.startup_disk(self), memory=256)
        efi = screens.linux(self, "efi", files, *screens.uefi(self, "efi"))
        self.addCleanup(efi.close)
        bios = screens.linux(self, "bios", files)
        self.addCleanup(bios.close)
        isolinux = self.start_guest("isolinux", "-cdrom", screens.ISO)
        empty = self.start_guest("seabios")
        grub = self.start_guest("grub", "-cdrom", screens.grub_iso(self, "grub-iso", False), memory=128)
        graphic = self.start_guest("graphic", "-cdrom", screens.grub_iso(self, "graphic-iso", True), memory=128)

        with self.subTest("SeaBIOS"):
            empty.until("No bootable device.")
            self.check_vga(empty)
            empty.close()
        with self.subTest("isolinux"):
            isolinux.until("kiln demo guest: installer")
            self.check_vga(isolinux)
            isolinux.key("esc")
            isolinux.until("boot:")
            self.check_vga(isolinux)
            isolinux.close()
        with self.subTest("Linux, VGA"):
            bios.hear("READY")
            bios.tell("show")
            texts = self.check_vga(bios)
            self.assertIn((7, 21), [t.cursor for t in texts])
            bios.tell("font")
            self.check_console(bios, "plain", "Fixed16")
            bios.close()
        with self.subTest("GRUB, text"):
            grub.until("Install the system")
            self.check_vga(grub)
            grub.key("c")
            grub.until("grub>")
            self.check_vga(grub)
            grub.close()
        with self.subTest("GRUB, graphics"):
            text = screens.read(graphic.until("Install the system"))[0]
            self.check_rows(text, screens.GRUB_MENU)
            self.assertIn("unicode.pf2", text.font)
            graphic.close()
        with self.subTest("Linux, framebuffer"):
            efi.hear("READY")
            self.check_console(efi, "show", "Linux 8x16")
            efi.tell("font")
            self.check_console(efi, "plain", "")
            efi.close()
        with self.subTest("UEFI shell"):
            shell.until("Shell>")
            text = screens.read(shell.until("---"))[0]
            self.check_rows(text, screens.SHELL_ROWS)
            self.assertIn("UEFI", text.font)
            shell.close()


if __name__ == "__main__":
    kit.main()
