#include "vm/fonts.h"

#include <malloc.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/module.h"
#include "base/process.h"
#include "vm/font_ops.h"

#define MAX_ROM      (256u << 10)
#define SLICE        ((size_t)256 << 10)
#define MAX_VGA_FONT ((size_t)256 * 16) /* bytes */
#define MAX_FACES    4096               /* with console-data there are some 1,400 */
#define MIN_GLYPHS   64                 /* with less it is no font for text */

struct kiln_fonts {
    char *qemu_binary, *firmware;
    struct kiln_face **faces; /* owned */
    size_t n;
    size_t next; /* group to be loaded */
};

static const char *const data_dirs[] = { "share/seabios", "share/qemu", "share/seavgabios" };

static const char *const firmware[] = {
    "/usr/share/OVMF/OVMF_CODE_4M.fd",   "/usr/share/OVMF/OVMF_CODE.fd",
    "/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
    "/usr/share/ovmf/OVMF.fd",
};

static const char *const grub_fonts[] = {
    "/usr/share/grub/unicode.pf2",
    "/usr/share/grub2/unicode.pf2",
    "/boot/grub/fonts/unicode.pf2",
    "/boot/grub2/fonts/unicode.pf2",
};

static const char *const psf_dirs[] = {
    "/usr/share/consolefonts",
    "/usr/share/kbd/consolefonts",
    "/usr/lib/kbd/consolefonts",
};

void kiln_fonts_free(struct kiln_fonts *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++)
        kiln_face_free(f->faces[i]);
    free(f->faces);
    free(f->qemu_binary);
    free(f->firmware);
    free(f);
}

void kiln_fonts_add(struct kiln_fonts *f, struct kiln_face *face)
{
    if (f->n == MAX_FACES || face->n < MIN_GLYPHS) {
        kiln_face_free(face);
        return;
    }
    kiln_face_trim(face);
    f->faces = kiln_xrealloc(f->faces, f->n + 1, sizeof(struct kiln_face *));
    f->faces[f->n++] = face;
}

static void add(void *ud, struct kiln_face *face)
{
    kiln_fonts_add(ud, face);
}

/* ---- VGA ---- */

/* All variants of QEMU's VGA BIOS have the same fonts. */
static void load_vga_below(struct kiln_fonts *f, const char *prefix)
{
    size_t before = f->n;

    for (size_t i = 0; i < KILN_COUNT(data_dirs) && f->n == before; i++) {
        KILN_AUTO_FREE char *path =
            kiln_xasprintf("%s/%s/vgabios-stdvga.bin", prefix, data_dirs[i]);
        KILN_AUTO_STR rom = { 0 };

        if (kiln_fs_read(path, MAX_ROM, &rom, NULL))
            kiln_font_vga("VGA", rom.data, rom.len, add, f);
    }
}

/* QEMU looks for its data beside the directory that its program is in, wherever that was put. */
static void load_vga(struct kiln_fonts *f)
{
    static const char *const usual[] = { "/usr", "/usr/local" };
    KILN_AUTO_FREE char *program = f->qemu_binary ? realpath(f->qemu_binary, NULL) : NULL;
    KILN_AUTO_FREE char *bin = program ? kiln_path_dir(program) : NULL;
    KILN_AUTO_FREE char *prefix = bin ? kiln_path_dir(bin) : NULL;
    size_t before = f->n;

    if (prefix)
        load_vga_below(f, prefix);
    for (size_t i = 0; i < KILN_COUNT(usual) && f->n == before; i++)
        load_vga_below(f, usual[i]);
}

/* A program is large, and its font is small: it is looked for slice after slice. */
static void load_program(struct kiln_fonts *f, int fd)
{
    KILN_AUTO_STR slice = { 0 };
    size_t before = f->n;
    ssize_t n = 1;

    while (n > 0 && f->n == before) {
        void *room = kiln_str_space(&slice, SLICE);

        n = room ? kiln_fs_read_some(fd, room, SLICE) : -1;
        kiln_str_commit(&slice, n > 0 ? (size_t)n : 0);
        kiln_font_vga("Linux", slice.data, slice.len, add, f);
        if (slice.len > MAX_VGA_FONT)
            kiln_str_remove(&slice, 0, slice.len - MAX_VGA_FONT);
    }
}

static void load_qemu(struct kiln_fonts *f)
{
    KILN_AUTO_FREE char *path =
        kiln_process_find(f->qemu_binary ? f->qemu_binary : "qemu-system-x86_64", NULL);
    struct stat st;
    KILN_AUTO_FD fd = path ? kiln_fs_open_regular(path, &st, NULL) : -1;

    if (fd >= 0)
        load_program(f, fd);
}

/* ---- packed ones ---- */

static const struct kiln_font_ops *unpacker(void)
{
    KILN_AUTO_ERR err = { 0 };
    const struct kiln_font_ops *ops = kiln_module_load("font", &err);

    if (!ops)
        kiln_log("fonts: %s", kiln_err_text(&err));
    return ops;
}

static void load_firmware(struct kiln_fonts *f, const char *path)
{
    const struct kiln_font_ops *ops = unpacker();
    KILN_AUTO_STR image = { 0 };

    if (ops && kiln_fs_read(path, KILN_MAX_FIRMWARE, &image, NULL))
        kiln_font_firmware(image.data, image.len, ops->unlzma, add, f);
}

static void load_uefi(struct kiln_fonts *f)
{
    size_t before = f->n;

    if (f->firmware)
        load_firmware(f, f->firmware);
    for (size_t i = 0; i < KILN_COUNT(firmware) && f->n == before; i++)
        load_firmware(f, firmware[i]);
}

static void load_grub(struct kiln_fonts *f)
{
    size_t before = f->n;

    for (size_t i = 0; i < KILN_COUNT(grub_fonts) && f->n == before; i++) {
        KILN_AUTO_STR file = { 0 };

        if (kiln_fs_read(grub_fonts[i], KILN_MAX_FONT_FILE, &file, NULL))
            kiln_font_pf2("GRUB unicode.pf2", file.data, file.len, add, f);
    }
}

static void load_psf_file(struct kiln_fonts *f, const char *path)
{
    KILN_AUTO_STR file = { 0 }, plain = KILN_STR_MAX(KILN_MAX_FONT_FILE);
    const char *name = kiln_path_base(path);
    const struct kiln_font_ops *ops;

    if (!kiln_fs_read(path, KILN_MAX_FONT_FILE, &file, NULL))
        return;
    if (!kiln_has_suffix(path, ".gz"))
        kiln_font_psf(name, file.data, file.len, add, f);
    else if ((ops = unpacker()) && ops->gunzip(file.data, file.len, &plain))
        kiln_font_psf(name, plain.data, plain.len, add, f);
}

static void load_psf(struct kiln_fonts *f)
{
    for (size_t i = 0; i < KILN_COUNT(psf_dirs); i++) {
        KILN_AUTO_STRV files = { 0 };

        if (!kiln_fs_is_dir(psf_dirs[i]) || !kiln_fs_walk(psf_dirs[i], &files, NULL))
            continue;
        KILN_STRV_FOREACH (path, &files)
            load_psf_file(f, path);
    }
}

/* Likely and cheap ones first. */
static void (*const groups[])(struct kiln_fonts *) = { load_vga, load_qemu, load_uefi, load_grub,
                                                       load_psf };

struct kiln_fonts *kiln_fonts_new(const struct kiln_fonts_places *places)
{
    struct kiln_fonts *f = kiln_xcalloc(1, sizeof(*f));

    f->qemu_binary = kiln_xstrdup(places ? places->qemu_binary : NULL);
    f->firmware = kiln_xstrdup(places ? places->firmware : NULL);
    f->next = places && places->none ? KILN_COUNT(groups) : 0;
    return f;
}

bool kiln_fonts_load_more(struct kiln_fonts *f)
{
    if (f->next == KILN_COUNT(groups))
        return false;
    groups[f->next++](f);
    (void)malloc_trim(0); /* what was read is larger than what is kept of it */
    return true;
}

size_t kiln_fonts_count(const struct kiln_fonts *f)
{
    return f->n;
}

const struct kiln_face *kiln_fonts_face(const struct kiln_fonts *f, size_t i)
{
    return f->faces[i];
}
