#include "vm/cd_image.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/module.h"
#include "vm/cd_ops.h"

#define MOVED_DEPTH  8                /* directories inside each other: the last one is moved */
#define VOLUME_ID_AT (16 * 2048 + 40) /* in the primary volume descriptor. ECMA-119, 8.4 */

/* libarchive writes it in capitals there, as the standard says; guests compare it byte for byte. */
static bool write_label(const char *path, const char *label, struct kiln_err *err)
{
    char field[KILN_CD_LABEL_MAX];
    KILN_AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);

    memset(field, ' ', sizeof(field));
    memcpy(field, label, strlen(label));
    if (fd < 0 || pwrite(fd, field, sizeof(field), VOLUME_ID_AT) != (ssize_t)sizeof(field))
        return kiln_err_sys(err, errno, "%s", path);
    return true;
}

static unsigned depth_of(const char *name)
{
    unsigned n = 1;

    for (; *name; name++)
        n += *name == '/';
    return n;
}

static int by_last_part(const void *a, const void *b)
{
    const struct kiln_media_entry *const *x = a, *const *y = b;

    return strcmp(kiln_path_base((*x)->name), kiln_path_base((*y)->name));
}

/*
 * ISO 9660 has eight levels. What is deeper libarchive moves into one directory, and crashes when
 * two directories have the same name there, or when something has to be moved twice (its issues
 * 1517 and 780).
 */
static bool check_names(const struct kiln_media *m, struct kiln_err *err)
{
    KILN_AUTO_FREE struct kiln_media_entry **moved = kiln_xcalloc(m->n + 1, sizeof(*moved));
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++) {
        unsigned depth = kiln_media_is_dir(m->v[i]) ? depth_of(m->v[i]->name) : 0;

        if (depth > KILN_CD_MAX_DEPTH)
            return kiln_err_set(err, KILN_ERR_USER,
                                "%s: a CD has at most %d directories inside each other; put a tar "
                                "archive on it",
                                m->v[i]->name, KILN_CD_MAX_DEPTH);
        if (strlen(kiln_path_base(m->v[i]->name)) > NAME_MAX) /* Linux cannot read it, either */
            return kiln_err_set(err, KILN_ERR_USER, "%.40s...: a name on a CD has at most %d bytes",
                                kiln_path_base(m->v[i]->name), NAME_MAX);
        if (depth == MOVED_DEPTH)
            moved[n++] = m->v[i];
    }
    qsort(moved, n, sizeof(*moved), by_last_part); /* NOLINT(bugprone-sizeof-expression) */
    for (size_t i = 1; i < n; i++) {
        if (by_last_part(&moved[i - 1], &moved[i]) == 0)
            return kiln_err_set(err, KILN_ERR_USER,
                                "%s, %s: a CD cannot have two directories of one name that are %d "
                                "levels deep; put a tar archive on it",
                                moved[i - 1]->name, moved[i]->name, MOVED_DEPTH);
    }
    return true;
}

bool kiln_cd_write(const char *path, const char *label, const struct kiln_media *m,
                   struct kiln_cancel *cancel, struct kiln_err *err)
{
    const struct kiln_cd_ops *ops = kiln_module_load("cd", err);

    assert(strlen(label) <= KILN_CD_LABEL_MAX);
    return ops && check_names(m, err) && ops->write(path, label, m, cancel, err) &&
           write_label(path, label, err);
}
