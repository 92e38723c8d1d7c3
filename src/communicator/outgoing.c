#include "communicator/outgoing.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

int kiln_outgoing_open(const char *path, uint64_t *ret_size, struct kiln_err *err)
{
    struct stat st = { 0 };
    int fd = kiln_fs_open_regular(path, &st, err);

    *ret_size = (uint64_t)st.st_size;
    return fd;
}

bool kiln_outgoing_read(struct kiln_outgoing *o, int fd, const char *path, uint64_t left,
                        size_t file, size_t *ret_n, struct kiln_err *err)
{
    size_t want = left < KILN_OUTGOING_WORTH ? (size_t)left : KILN_OUTGOING_WORTH;
    char *space = kiln_str_space(&o->out, want);
    ssize_t got = space ? read(fd, space, want) : -1;

    if (got < 0)
        return kiln_err_sys(err, errno, "read %s", path);
    if (got == 0)
        return kiln_err_set(err, KILN_ERR_USER, "%s became shorter while it was read", path);
    kiln_sent_data(o->sent, file, space, (size_t)got);
    kiln_str_commit(&o->out, (size_t)got);
    o->done += (uint64_t)got;
    if (o->transfer && o->transfer->progress)
        o->transfer->progress(o->transfer->ud, o->done, o->total);
    *ret_n = (size_t)got;
    return true;
}
