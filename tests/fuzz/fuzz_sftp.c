/* What a guest's SFTP server sends while we download a file from it, and upload one. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "communicator/sftp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says the input piece by piece, whatever it is asked; the first byte is the size of a piece. */
struct parrot {
    struct kiln_channel base;
    const char *data;
    size_t left, piece;
};

static bool parrot_write(struct kiln_channel *ch, const void *data, size_t len, size_t *ret_n,
                         struct kiln_err *err)
{
    (void)ch, (void)data, (void)err;
    *ret_n = len;
    return true;
}

static enum kiln_wait parrot_pump(struct kiln_channel *ch, struct kiln_cancel *c, int64_t deadline,
                                  struct kiln_err *err)
{
    struct parrot *p = (struct parrot *)ch;
    size_t n = p->piece < p->left ? p->piece : p->left;

    (void)c, (void)deadline, (void)err;
    if (n == 0)
        ch->closed = true;
    else
        ch->output(ch->ud, false, p->data, n);
    p->data += n;
    p->left -= n;
    return KILN_WAIT_READY;
}

static bool parrot_eof(struct kiln_channel *ch, struct kiln_err *err)
{
    (void)ch, (void)err;
    return true;
}

static void parrot_free(struct kiln_channel *ch)
{
    (void)ch;
}

static const struct kiln_channel_ops ops = { parrot_write, parrot_pump, parrot_eof, parrot_free };

static struct parrot parrot(const uint8_t *data, size_t size)
{
    return (struct parrot){ .base = { .ops = &ops, .status = -1 },
                            .data = (const char *)data + 1,
                            .left = size - 1,
                            .piece = (size_t)data[0] + 1 };
}

static const struct kiln_sftp_watch sizes = { .sizes = true };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KILN_AUTO_FD fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct parrot p;

    if (size == 0 || fd < 0)
        return 0;
    p = parrot(data, size);
    (void)kiln_sftp_get(&p.base, "x", fd, NULL, NULL, NULL);
    p = parrot(data, size);
    (void)kiln_sftp_put(&p.base, "/etc/hostname", "x", 0600, NULL, sizes, NULL, NULL);
    p = parrot(data, size);
    (void)kiln_sftp_put_dir(&p.base, "/etc/apt", "x", NULL, sizes, NULL, NULL);
    return 0;
}
