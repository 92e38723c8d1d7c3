/* Receiving one file: reads are asked for ahead, and each answer is written where it belongs. */
#include <errno.h>
#include <unistd.h>

#include "communicator/sftp.h"
#include "communicator/sftp_client.h"

#define OPEN_READ 1u

struct receiver {
    struct kiln_sftp sftp;
    const struct kiln_transfer *transfer;
    const char *src;
    int fd;
    off_t base; /* where in fd byte 0 goes */
    struct kiln_str handle;
    bool opened, sized;
    uint64_t size; /* what the server says; UINT64_MAX: unknown */
    uint64_t asked, done;
    uint64_t end; /* where a read found the end of the file */
};

static void on_opened(struct kiln_sftp *s, void *ud, uint64_t offset, uint32_t len,
                      const struct kiln_sftp_answer *a)
{
    struct receiver *r = ud;

    (void)offset, (void)len;
    if (a->type != KILN_SFTP_HANDLE) {
        kiln_sftp_fail(s, r->src, a);
        return;
    }
    kiln_str_add(&r->handle, a->data, a->len);
    r->opened = true;
}

static void on_size(struct kiln_sftp *s, void *ud, uint64_t offset, uint32_t len,
                    const struct kiln_sftp_answer *a)
{
    struct receiver *r = ud;

    (void)s, (void)offset, (void)len;
    r->size = a->type == KILN_SFTP_ATTRS ? a->size : UINT64_MAX;
    r->sized = true;
}

static void on_closed(struct kiln_sftp *s, void *ud, uint64_t offset, uint32_t len,
                      const struct kiln_sftp_answer *a)
{
    (void)s, (void)ud, (void)offset, (void)len, (void)a; /* all bytes are here already */
}

static void ask_for(struct receiver *r, uint64_t offset, uint32_t len);

static bool write_at(struct receiver *r, const char *data, size_t len, uint64_t offset)
{
    while (len > 0) {
        ssize_t n = pwrite(r->fd, data, len, r->base + (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return kiln_err_sys(&r->sftp.err, errno, "write what %s holds", r->src);
        data += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return true;
}

static void on_read(struct kiln_sftp *s, void *ud, uint64_t offset, uint32_t len,
                    const struct kiln_sftp_answer *a)
{
    struct receiver *r = ud;

    if (a->type == KILN_SFTP_STATUS && a->status == KILN_SFTP_EOF) {
        if (offset < r->end)
            r->end = offset;
        return;
    }
    if (a->type != KILN_SFTP_DATA || a->len == 0 || a->len > len) {
        kiln_sftp_fail(s, r->src, a);
        return;
    }
    if (!write_at(r, a->data, a->len, offset))
        return;
    r->done += a->len;
    if (r->transfer && r->transfer->progress)
        r->transfer->progress(r->transfer->ud, r->done, r->size == UINT64_MAX ? 0 : r->size);
    if (a->len < len) /* the server may give less than asked for: the rest again */
        ask_for(r, offset + a->len, len - (uint32_t)a->len);
}

/* There is room: either it was looked for, or an answer has just made some. */
static void ask_for(struct receiver *r, uint64_t offset, uint32_t len)
{
    kiln_sftp_request(&r->sftp, KILN_SFTP_READ);
    kiln_sftp_add_string(&r->sftp, r->handle.data, r->handle.len);
    kiln_sftp_add_u64(&r->sftp, offset);
    kiln_sftp_add_u32(&r->sftp, len);
    kiln_sftp_send(&r->sftp, on_read, r, offset, len);
}

/* Up to the size that the server told; if that is nothing or unknown (/proc), to the end. */
static bool more_to_ask(const struct receiver *r)
{
    bool known = r->size != UINT64_MAX && r->size > 0;

    return r->asked < r->end && (!known || r->asked < r->size);
}

static bool turn(struct receiver *r, struct kiln_err *err)
{
    return kiln_sftp_turn(&r->sftp, err);
}

static bool open_file(struct receiver *r, struct kiln_err *err)
{
    kiln_sftp_request(&r->sftp, KILN_SFTP_OPEN);
    kiln_sftp_add_string(&r->sftp, r->src, strlen(r->src));
    kiln_sftp_add_u32(&r->sftp, OPEN_READ);
    kiln_sftp_add_u32(&r->sftp, 0); /* no attributes */
    kiln_sftp_send(&r->sftp, on_opened, r, 0, 0);
    while (!r->opened) {
        if (!turn(r, err))
            return false;
    }
    kiln_sftp_request(&r->sftp, KILN_SFTP_FSTAT);
    kiln_sftp_add_string(&r->sftp, r->handle.data, r->handle.len);
    kiln_sftp_send(&r->sftp, on_size, r, 0, 0);
    while (!r->sized) {
        if (!turn(r, err))
            return false;
    }
    return true;
}

static bool read_all(struct receiver *r, struct kiln_err *err)
{
    while (more_to_ask(r) || r->sftp.under_way > 0) {
        while (more_to_ask(r) && kiln_sftp_has_room(&r->sftp)) {
            ask_for(r, r->asked, KILN_SFTP_BLOCK);
            r->asked += KILN_SFTP_BLOCK;
        }
        if (!turn(r, err))
            return false;
    }
    if (r->done > r->end) /* shorter than it said is fine: files in /sys are */
        return kiln_err_set(err, KILN_ERR_REMOTE, "%s: the guest left out bytes at %llu", r->src,
                            (unsigned long long)r->end);
    if (lseek(r->fd, r->base + (off_t)r->done, SEEK_SET) < 0)
        return kiln_err_sys(err, errno, "seek");
    kiln_sftp_request(&r->sftp, KILN_SFTP_CLOSE);
    kiln_sftp_add_string(&r->sftp, r->handle.data, r->handle.len);
    kiln_sftp_send(&r->sftp, on_closed, r, 0, 0);
    while (r->sftp.under_way > 0) {
        if (!turn(r, err))
            return false;
    }
    return true;
}

bool kiln_sftp_get(struct kiln_channel *ch, const char *src, int fd, const struct kiln_transfer *t,
                   struct kiln_cancel *c, struct kiln_err *err)
{
    struct receiver r = {
        .transfer = t, .src = kiln_sftp_path(src), .fd = fd, .end = UINT64_MAX / 2
    };
    bool ok;

    r.base = lseek(fd, 0, SEEK_CUR);
    if (r.base < 0)
        return kiln_err_sys(err, errno, "download %s: not into a regular file", src);
    ok = kiln_sftp_begin(&r.sftp, ch, c, err) && open_file(&r, err) && read_all(&r, err);
    kiln_sftp_end(&r.sftp);
    kiln_str_done(&r.handle);
    return ok;
}
