#include "net/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/module.h"
#include "net/unpack_ops.h"

/* A longer suffix comes before one that it ends in. */
static const struct kiln_packing packings[] = {
    { "tar.gz", KILN_PACK_TAR, KILN_PACK_GZIP },   { "tgz", KILN_PACK_TAR, KILN_PACK_GZIP },
    { "tar.bz2", KILN_PACK_TAR, KILN_PACK_BZIP2 }, { "tbz2", KILN_PACK_TAR, KILN_PACK_BZIP2 },
    { "tar.xz", KILN_PACK_TAR, KILN_PACK_XZ },     { "txz", KILN_PACK_TAR, KILN_PACK_XZ },
    { "tar.zst", KILN_PACK_TAR, KILN_PACK_ZSTD },  { "tzst", KILN_PACK_TAR, KILN_PACK_ZSTD },
    { "tar", KILN_PACK_TAR, KILN_PACK_STORED },    { "zip", KILN_PACK_ZIP, KILN_PACK_STORED },
    { "gz", KILN_PACK_BARE, KILN_PACK_GZIP },      { "bz2", KILN_PACK_BARE, KILN_PACK_BZIP2 },
    { "xz", KILN_PACK_BARE, KILN_PACK_XZ },        { "zst", KILN_PACK_BARE, KILN_PACK_ZSTD },
};

const struct kiln_packing *kiln_packing_of(const char *path)
{
    for (size_t i = 0; i < KILN_COUNT(packings); i++) {
        size_t n = strlen(packings[i].suffix), len = strlen(path);

        if (len > n && path[len - n - 1] == '.' && kiln_streq(path + len - n, packings[i].suffix))
            return &packings[i];
    }
    return NULL;
}

bool kiln_unpack(const struct kiln_packing *how, const char *from, const char *to,
                 struct kiln_cancel *c, struct kiln_progress *progress, struct kiln_err *err)
{
    const struct kiln_unpack_ops *ops = kiln_module_load("unpack", err);
    KILN_AUTO_FD fd = -1;

    if (!ops)
        return false;
    fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return kiln_err_sys(err, errno, "%s", to);
    if (ops->unpack(how, from, fd, c, progress, err) && kiln_fd_close_written(&fd, to, err))
        return true;
    (void)unlink(to);
    return false;
}
