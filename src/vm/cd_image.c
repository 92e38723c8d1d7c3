#include "vm/cd_image.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/module.h"
#include "vm/cd_ops.h"

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

bool kiln_cd_write(const char *path, const char *label, const struct kiln_media *m,
                   struct kiln_cancel *cancel, struct kiln_err *err)
{
    const struct kiln_cd_ops *ops = kiln_module_load("cd", err);

    assert(strlen(label) <= KILN_CD_LABEL_MAX);
    return ops && ops->write(path, label, m, cancel, err) && write_label(path, label, err);
}
