#include "communicator/ssh_relay.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/str.h"

#define TYPED_MAX  4096u        /* bytes on their way to the guest */
#define UNREAD_MAX (256u << 10) /* the guest is not listened to while the person lags so much */

struct kiln_ssh_relay {
    const struct kiln_ssh_ops *ops;
    struct kiln_channel *ch;
    struct kiln_remote_shell *shell;
    char typed[TYPED_MAX];
    size_t typed_from, typed_to;
    struct kiln_str unread; /* said by the guest; from unread_from on */
    size_t unread_from;
    bool hung_up; /* the person is gone */
};

void kiln_ssh_relay_output(void *ud, bool is_stderr, const char *data, size_t len)
{
    struct kiln_ssh_relay *r = ud;

    (void)is_stderr; /* a terminal has one stream */
    kiln_str_add(&r->unread, data, len);
}

/* Result of a send or recv that does not wait: false if it has to. */
static bool moved(struct kiln_ssh_relay *r, ssize_t n)
{
    if (n > 0)
        return true;
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        r->hung_up = true;
    return false;
}

static void show(struct kiln_ssh_relay *r)
{
    while (r->unread_from < r->unread.len && !r->hung_up) {
        ssize_t n = send(r->shell->fd, r->unread.data + r->unread_from,
                         r->unread.len - r->unread_from, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (!moved(r, n))
            return;
        r->unread_from += (size_t)n;
    }
    kiln_str_clear(&r->unread);
    r->unread_from = 0;
}

static void read_typed(struct kiln_ssh_relay *r)
{
    ssize_t n;

    if (r->typed_from < r->typed_to || r->hung_up)
        return;
    n = recv(r->shell->fd, r->typed, sizeof(r->typed), MSG_DONTWAIT);
    r->typed_from = 0;
    r->typed_to = moved(r, n) ? (size_t)n : 0;
}

static void resize(struct kiln_ssh_relay *r)
{
    eventfd_t count;
    uint32_t size;

    if (eventfd_read(r->shell->resized, &count) != 0)
        return;
    size = r->shell->size;
    r->ops->resize(r->ch, (int)(size >> 16), (int)(size & 0xffff));
}

static bool type(struct kiln_ssh_relay *r, struct kiln_err *err)
{
    size_t n = 0;

    read_typed(r);
    resize(r); /* what was typed after that must find it done */
    if (r->typed_from == r->typed_to)
        return true;
    if (!r->ch->ops->write(r->ch, r->typed + r->typed_from, r->typed_to - r->typed_from, &n, err))
        return false;
    r->typed_from += n;
    return true;
}

static enum kiln_wait await(struct kiln_ssh_relay *r, struct kiln_cancel *c, struct kiln_err *err)
{
    size_t lag = r->unread.len - r->unread_from;
    struct pollfd fds[KILN_CHANNEL_MORE] = { { .fd = r->shell->fd },
                                             { .fd = r->shell->resized, .events = POLLIN } };

    if (r->typed_from == r->typed_to)
        fds[0].events |= POLLIN;
    if (lag)
        fds[0].events |= POLLOUT;
    if (!fds[0].events)
        fds[0].fd = -1; /* a hang-up would be told again and again */
    if (lag > UNREAD_MAX)
        return kiln_wait_fds(c, fds, KILN_COUNT(fds), KILN_NEVER, err);
    return r->ops->pump_with(r->ch, fds, KILN_COUNT(fds), c, KILN_NEVER, err);
}

static bool pass_on(struct kiln_ssh_relay *r, struct kiln_cancel *c, struct kiln_err *err)
{
    while (!r->hung_up && !(r->ch->closed && r->unread.len == 0)) {
        if (r->ch->closed) { /* nothing but what it said before is left */
            if (kiln_wait_fd(c, r->shell->fd, POLLOUT, KILN_NEVER, err) != KILN_WAIT_READY)
                return false;
        } else if (!type(r, err)) {
            return false;
        } else if (!r->hung_up && await(r, c, err) != KILN_WAIT_READY) {
            return false;
        }
        show(r);
    }
    if (r->ch->lost)
        return kiln_err_set(err, KILN_ERR_REMOTE, "the connection to the guest was lost");
    return true;
}

bool kiln_ssh_relay_run(struct kiln_ssh_relay *r, const struct kiln_ssh_ops *ops,
                        struct kiln_channel *ch, struct kiln_cancel *c, struct kiln_err *err)
{
    r->ops = ops;
    r->ch = ch;
    show(r);
    return pass_on(r, c, err);
}

struct kiln_ssh_relay *kiln_ssh_relay_new(struct kiln_remote_shell *shell)
{
    struct kiln_ssh_relay *r = kiln_xcalloc(1, sizeof(*r));

    r->shell = shell;
    return r;
}

void kiln_ssh_relay_freep(struct kiln_ssh_relay **rp)
{
    struct kiln_ssh_relay *r = *rp;

    kiln_str_done(&r->unread);
    explicit_bzero(r->typed, sizeof(r->typed)); /* may be a password */
    free(r);
}
