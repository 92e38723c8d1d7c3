#include "postprocessor/input.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"

bool kiln_input_open(struct kiln_input *s, const char *path, struct kiln_err *err)
{
    *s = (struct kiln_input){ .path = path,
                              /* O_NONBLOCK: a FIFO must not hang the open before it is refused. */
                              .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK),
                              .buffer = kiln_xmalloc(KILN_INPUT_BUFFER) };
    if (s->fd < 0)
        return kiln_err_sys(err, errno, "open %s", path);
    if (fstat(s->fd, &s->st) != 0)
        return kiln_err_sys(err, errno, "stat %s", path);
    if (S_ISDIR(s->st.st_mode))
        return kiln_err_set(err, KILN_ERR_USER, "read %s: is a directory", path);
    if (!S_ISREG(s->st.st_mode))
        return kiln_err_set(err, KILN_ERR_USER, "read %s: not a regular file", path);
    (void)posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return true;
}

void kiln_input_close(struct kiln_input *s)
{
    if (s->path && s->fd >= 0)
        (void)close(s->fd);
    free(s->buffer);
    *s = (struct kiln_input){ 0 };
}

/* What the file has at s->at. A file system that cannot tell has data everywhere. Behind the end of
 * a file that became shorter there is no hole: reading tells. */
static void look_ahead(struct kiln_input *s)
{
    off_t data = lseek(s->fd, s->at, SEEK_DATA);

    if (data < 0)
        data = errno == ENXIO && lseek(s->fd, 0, SEEK_END) >= s->st.st_size ? s->st.st_size : s->at;
    if (data > s->at) {
        s->hole_end = data;
        return;
    }
    s->data_end = lseek(s->fd, s->at, SEEK_HOLE);
    if (s->data_end <= s->at)
        s->data_end = s->st.st_size;
}

bool kiln_input_read(struct kiln_input *s, size_t *ret_len, struct kiln_err *err)
{
    off_t end, left = s->st.st_size - s->at;
    ssize_t n;

    *ret_len = 0;
    if (left <= 0)
        return true;
    if (s->at >= s->data_end && s->at >= s->hole_end)
        look_ahead(s);
    end = s->at < s->hole_end ? s->hole_end : s->data_end;
    if (left > end - s->at)
        left = end - s->at;
    if (left > (off_t)KILN_INPUT_BUFFER)
        left = (off_t)KILN_INPUT_BUFFER;
    if (s->at < s->hole_end) {
        memset(s->buffer, 0, (size_t)left);
        n = (ssize_t)left;
    } else {
        do
            n = pread(s->fd, s->buffer, (size_t)left, s->at);
        while (n < 0 && errno == EINTR);
    }
    if (n < 0)
        return kiln_err_sys(err, errno, "read %s", s->path);
    if (n == 0)
        return kiln_err_set(err, KILN_ERR_USER, "read %s: it became shorter meanwhile", s->path);
    s->at += n;
    *ret_len = (size_t)n;
    return true;
}
