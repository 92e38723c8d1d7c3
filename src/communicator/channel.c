#include "communicator/channel.h"

void kiln_channel_free(struct kiln_channel *ch)
{
    if (ch)
        ch->ops->free(ch);
}

void kiln_channel_freep(struct kiln_channel **ch)
{
    kiln_channel_free(*ch);
}

static bool is_closed(const struct kiln_channel *ch, struct kiln_err *err)
{
    return kiln_err_set(err, KILN_ERR_REMOTE,
                        ch->lost ? "the connection to the guest was lost"
                                 : "the program in the guest has ended");
}

/* Half of the time is for silence, the other half for an answer to the question whether somebody is
 * there: a program may well be busy for longer (cksum of a large file). */
static enum kiln_wait pump(struct kiln_channel *ch, struct kiln_cancel *c, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };
    int64_t now = kiln_cancel_now(c);
    enum kiln_wait got;

    if (ch->stall_us <= 0)
        return ch->ops->pump(ch, c, KILN_NEVER, err);
    if (ch->ops->keep_alive) {
        got = ch->ops->pump(ch, c, now + ch->stall_us / 2, &why);
        if (got == KILN_WAIT_READY)
            return got;
        if (got != KILN_WAIT_TIMEOUT) {
            (void)kiln_err_move(err, &why);
            return got;
        }
        ch->ops->keep_alive(ch);
    }
    return ch->ops->pump(ch, c, now + ch->stall_us, err);
}

bool kiln_channel_wait(struct kiln_channel *ch, struct kiln_cancel *c, struct kiln_err *err)
{
    if (ch->closed)
        return is_closed(ch, err);
    switch (pump(ch, c, err)) {
    case KILN_WAIT_READY:
        return true;
    case KILN_WAIT_TIMEOUT:
        ch->stalled = true;
        return kiln_err_wrap(err, "nothing came from or went to the guest for %lld seconds",
                             (long long)(ch->stall_us / KILN_SECOND(1)));
    case KILN_WAIT_CANCELLED:
    case KILN_WAIT_ERROR:
        break;
    }
    return false;
}

bool kiln_channel_write(struct kiln_channel *ch, const void *data, size_t len,
                        struct kiln_cancel *c, struct kiln_err *err)
{
    const char *p = data;

    while (len > 0) {
        size_t n = 0;

        if (ch->closed)
            return is_closed(ch, err);
        if (!ch->ops->write(ch, p, len, &n, err))
            return false;
        p += n;
        len -= n;
        if (len > 0 && n == 0 && !kiln_channel_wait(ch, c, err))
            return false;
        if (kiln_cancel_fired(c))
            return kiln_err_set(err, KILN_ERR_CANCELLED, "cancelled");
    }
    return true;
}

bool kiln_channel_finish(struct kiln_channel *ch, struct kiln_cancel *c, struct kiln_err *err)
{
    if (!ch->closed && !ch->ops->send_eof(ch, err))
        return false;
    while (!ch->closed) {
        if (!kiln_channel_wait(ch, c, err))
            return false;
    }
    return true;
}
