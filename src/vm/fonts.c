#include "vm/fonts.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"

#define MAX_ROM (256u << 10)
#define ASK_US  KILN_SECOND(10) /* for QEMU to say where its data is */

struct kiln_fonts {
    char *qemu_binary;
    struct kiln_face **faces; /* owned */
    size_t n;
    size_t next; /* group to be loaded */
};

static const char *const usual_dirs[] = {
    "/usr/share/seabios",
    "/usr/share/qemu",
    "/usr/share/seavgabios",
    "/usr/local/share/qemu",
};

struct kiln_fonts *kiln_fonts_new(const struct kiln_fonts_places *places)
{
    struct kiln_fonts *f = kiln_xcalloc(1, sizeof(*f));

    f->qemu_binary = kiln_xstrdup(places ? places->qemu_binary : NULL);
    return f;
}

void kiln_fonts_free(struct kiln_fonts *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++)
        kiln_face_free(f->faces[i]);
    free(f->faces);
    free(f->qemu_binary);
    free(f);
}

static void add(void *ud, struct kiln_face *face)
{
    struct kiln_fonts *f = ud;

    f->faces = kiln_xrealloc(f->faces, f->n + 1, sizeof(struct kiln_face *));
    f->faces[f->n++] = face;
}

/* Where this QEMU looks for its data, then where it usually is. */
static void find_data_dirs(const struct kiln_fonts *f, struct kiln_strv *ret)
{
    const char *argv[] = { f->qemu_binary, "-L", "help", NULL };
    const struct kiln_spawn how = { .argv = argv };
    KILN_AUTO_STR out = { 0 };
    int code = 0;

    if (f->qemu_binary &&
        kiln_process_capture(&how, NULL, kiln_cancel_deadline(NULL, ASK_US), &out, NULL, &code,
                             NULL) &&
        code == 0)
        kiln_strv_split(ret, kiln_str_cstr(&out), '\n');
    for (size_t i = 0; i < KILN_COUNT(usual_dirs); i++)
        kiln_strv_add(ret, usual_dirs[i]);
}

/* All variants of QEMU's VGA BIOS have the same fonts. */
static void load_vga(struct kiln_fonts *f)
{
    KILN_AUTO_STRV dirs = { 0 };
    size_t before = f->n;

    find_data_dirs(f, &dirs);
    KILN_STRV_FOREACH (dir, &dirs) {
        KILN_AUTO_FREE char *path = kiln_path_join(dir, "vgabios-stdvga.bin");
        KILN_AUTO_STR rom = { 0 };

        if (f->n == before && kiln_fs_read(path, MAX_ROM, &rom, NULL))
            kiln_font_vga(rom.data, rom.len, add, f);
    }
}

bool kiln_fonts_load_more(struct kiln_fonts *f)
{
    static void (*const groups[])(struct kiln_fonts *) = { load_vga };

    if (f->next == KILN_COUNT(groups))
        return false;
    groups[f->next++](f);
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
