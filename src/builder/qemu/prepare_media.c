#include <errno.h>
#include <sys/stat.h>

#include "base/glob.h"
#include "builder/qemu/qemu.h"
#include "vm/cd_image.h"
#include "vm/floppy_image.h"

/* What the template says about floppies and CDs. */

static bool check_path(const char *path, struct kiln_err *err)
{
    struct stat st;
    char why[128];

    if (kiln_media_is_pattern(path))
        return kiln_glob_check(path, err);
    return stat(path, &st) == 0 || kiln_err_set(err, KILN_ERR_USER, "stat %s: %s", path,
                                                kiln_errno_go(errno, why, sizeof(why)));
}

static bool check_paths(const struct kiln_prepare *p, const char *key, const char *what,
                        const struct kiln_strv *paths)
{
    bool ok = true;

    for (size_t i = 0; i < paths->n; i++) {
        KILN_AUTO_ERR err = { 0 };

        if (!check_path(paths->v[i], &err))
            ok = kiln_config_error(p, key, "Bad %s '%s': %s", what, paths->v[i],
                                   kiln_err_text(&err));
    }
    return ok;
}

static bool is_ascii(const char *s)
{
    while (*s >= ' ' && *s <= '~')
        s++;
    return *s == '\0';
}

static bool check_labels(const struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    bool ok = true;

    if (o->floppy_label && strlen(o->floppy_label) > KILN_FLOPPY_LABEL_MAX)
        ok = kiln_config_error(p, "floppy_label",
                               "floppy_label '%s': OEMName must be %d bytes or less",
                               o->floppy_label, KILN_FLOPPY_LABEL_MAX);
    if (o->cd_label && (strlen(o->cd_label) > KILN_CD_LABEL_MAX || !is_ascii(o->cd_label)))
        ok = kiln_config_error(p, "cd_label", "cd_label '%s' must be ASCII, %d bytes or less",
                               o->cd_label, KILN_CD_LABEL_MAX);
    return ok;
}

bool kiln_qemu_check_media(const struct kiln_qemu_options *o, const struct kiln_prepare *p)
{
    bool ok = check_paths(p, "floppy_files", "Floppy disk file", &o->floppy_files);

    ok = check_paths(p, "floppy_dirs", "Floppy disk directory", &o->floppy_dirs) && ok;
    ok = check_paths(p, "cd_files", "CD disk file", &o->cd_files) && ok;
    return check_labels(o, p) && ok;
}
