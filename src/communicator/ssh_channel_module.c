/* Channels: one command or subsystem each. */
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include "base/mem.h"
#include "base/str.h"
#include "communicator/ssh_link.h"

#define EARLY_MAX (64u << 10)

/*
 * How much may be on its way to the program. Windows are 2 MiB, but sshd's work on each packet
 * grows with what its program has not read yet: with a full window it needs up to twice the CPU
 * time. What must be on its way is what fits the line, and what the server takes before it says so
 * (sshd: 96 KiB). A server that says so later gives itself away by saying nothing.
 */
#define AHEAD          (256u << 10) /* bytes */
#define AHEAD_PER_US   400u         /* … and for each us of a round trip: 400 MB/s */
#define ANSWER_LIMIT   KILN_SECOND(1)
#define AHEAD_PATIENCE KILN_MS(500) /* without a word from the server */

struct channel {
    struct kiln_channel base; /* first: this is what the core sees */
    struct kiln_link *link;
    ssh_channel ssh;
    struct ssh_channel_callbacks_struct callbacks;
    /* Said before anybody had set base.output: scp's first byte may come together with the answer
     * to the request that started it. */
    struct kiln_str early;
    uint32_t widest; /* window so far */
    bool held;       /* bytes were kept back, though there is a window */
};

static bool tell_early(struct channel *ch)
{
    if (!ch->base.output || ch->early.len == 0)
        return false;
    ch->base.output(ch->base.ud, false, ch->early.data, ch->early.len);
    kiln_str_clear(&ch->early);
    return true;
}

static int on_data(ssh_session session, ssh_channel ssh, void *data, uint32_t len, int is_stderr,
                   void *ud)
{
    struct channel *ch = ud;

    (void)session, (void)ssh;
    (void)tell_early(ch);
    if (ch->base.output)
        ch->base.output(ch->base.ud, is_stderr != 0, data, len);
    else if (!is_stderr && ch->early.len + len <= EARLY_MAX)
        kiln_str_add(&ch->early, data, len);
    return (int)len; /* all taken: the window opens again */
}

static void on_close(ssh_session session, ssh_channel ssh, void *ud)
{
    (void)session, (void)ssh;
    ((struct channel *)ud)->base.closed = true;
}

static void on_exit_status(ssh_session session, ssh_channel ssh, int status, void *ud)
{
    (void)session, (void)ssh;
    ((struct channel *)ud)->base.status = status;
}

static void on_exit_signal(ssh_session session, ssh_channel ssh, const char *name, int core,
                           const char *message, const char *language, void *ud)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = { { "ABRT", 6 }, { "ALRM", 14 }, { "FPE", 8 },  { "HUP", 1 },
                    { "ILL", 4 },  { "INT", 2 },   { "KILL", 9 }, { "PIPE", 13 },
                    { "QUIT", 3 }, { "SEGV", 11 }, { "TERM", 15 } }; /* RFC 4254, 6.10 */
    struct channel *ch = ud;

    (void)session, (void)ssh, (void)core, (void)message, (void)language;
    ch->base.status = 128;
    for (size_t i = 0; i < KILN_COUNT(signals); i++) {
        if (kiln_streq(name, signals[i].name))
            ch->base.status = 128 + signals[i].number;
    }
}

static void note_loss(struct channel *ch)
{
    if (ch->link->stage == KILN_LINK_DEAD && !ch->base.closed)
        ch->base.closed = ch->base.lost = true;
}

enum kiln_wait kiln_link_channel_pump(struct kiln_channel *base, struct pollfd *more, size_t n,
                                      struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    struct channel *ch = (struct channel *)base;
    int64_t patience = ch->held ? kiln_cancel_deadline(c, AHEAD_PATIENCE) : KILN_NEVER;
    KILN_AUTO_ERR why = { 0 };
    enum kiln_wait got;

    if (tell_early(ch))
        return KILN_WAIT_READY;
    got = kiln_link_pump(ch->link, more, n, c, patience < deadline ? patience : deadline, &why);
    note_loss(ch);
    if (got == KILN_WAIT_TIMEOUT && patience < deadline) {
        ch->link->any_window = true;
        return KILN_WAIT_READY;
    }
    if (got != KILN_WAIT_READY)
        (void)kiln_err_move(err, &why);
    return got;
}

static enum kiln_wait ch_pump(struct kiln_channel *base, struct kiln_cancel *c, int64_t deadline,
                              struct kiln_err *err)
{
    return kiln_link_channel_pump(base, NULL, 0, c, deadline, err);
}

void kiln_link_channel_resize(struct kiln_channel *base, int cols, int rows)
{
    (void)ssh_channel_change_pty_size(((struct channel *)base)->ssh, cols, rows);
}

static bool failed(struct channel *ch, struct kiln_err *err)
{
    if (!ssh_is_connected(ch->link->session))
        ch->link->stage = KILN_LINK_DEAD;
    note_loss(ch);
    return kiln_link_error(ch->link, err);
}

/* How much of the window is to be used now. */
static uint32_t room(struct channel *ch)
{
    const struct kiln_link *l = ch->link;
    uint32_t window = ssh_channel_window_size(ch->ssh), under_way;
    uint64_t ahead = AHEAD + (uint64_t)AHEAD_PER_US * (uint64_t)l->round_trip_us, left;

    if (window > ch->widest)
        ch->widest = window;
    under_way = ch->widest - window;
    left = under_way < ahead ? ahead - under_way : 0;
    ch->held = window > 0 && left == 0 && !l->any_window;
    return l->any_window || window < left ? window : (uint32_t)left;
}

/* libssh keeps whatever it is given until the socket takes it, without a limit; so it is given no
 * more while something waits. */
static bool ch_write(struct kiln_channel *base, const void *data, size_t len, size_t *ret_n,
                     struct kiln_err *err)
{
    struct channel *ch = (struct channel *)base;
    ssh_session session = ch->link->session;
    bool moved;
    uint32_t window;
    int n;

    *ret_n = 0;
    if ((ssh_get_poll_flags(session) & SSH_WRITE_PENDING) && !kiln_link_work(ch->link, &moved))
        return failed(ch, err);
    window = room(ch);
    if (window == 0 || (ssh_get_poll_flags(session) & SSH_WRITE_PENDING) || ch->base.closed)
        return true;
    n = ssh_channel_write(ch->ssh, data, len < window ? (uint32_t)len : window);
    if (n < 0)
        return failed(ch, err);
    *ret_n = (size_t)n;
    return true;
}

static bool ch_send_eof(struct kiln_channel *base, struct kiln_err *err)
{
    struct channel *ch = (struct channel *)base;

    return ssh_channel_send_eof(ch->ssh) == SSH_OK || failed(ch, err);
}

static void ch_free(struct kiln_channel *base)
{
    struct channel *ch = (struct channel *)base;
    bool moved;

    if (ch->ssh) {
        (void)ssh_remove_channel_callbacks(ch->ssh, &ch->callbacks);
        if (!base->closed && ssh_channel_is_open(ch->ssh)) {
            (void)ssh_channel_request_send_signal(ch->ssh, "TERM");
            (void)ssh_channel_close(ch->ssh);
        }
        ssh_channel_free(ch->ssh);
        if (ch->link->stage == KILN_LINK_IN)
            (void)kiln_link_work(ch->link, &moved);
    }
    kiln_str_done(&ch->early);
    free(ch);
}

static void ch_keep_alive(struct kiln_channel *base)
{
    kiln_link_keep_alive(((struct channel *)base)->link);
}

static const struct kiln_channel_ops ch_ops = { ch_write, ch_pump, ch_send_eof, ch_free,
                                                ch_keep_alive };

/* One request of libssh's: the step that is to be repeated until it is through. */
static int request(struct channel *ch, const struct kiln_channel_how *how, unsigned step)
{
    switch (step) {
    case 0:
        return ssh_channel_open_session(ch->ssh);
    case 1:
        if (!how->pty)
            return SSH_OK;
        return how->term ? ssh_channel_request_pty_size(ch->ssh, how->term, how->cols, how->rows)
                         : ssh_channel_request_pty_size(ch->ssh, "xterm", 80, 40);
    case 2: /* unanswered: a server that says no changes nothing */
        return how->forward_agent && kiln_forward_enable(ch->link)
                   ? ssh_channel_request_auth_agent(ch->ssh)
                   : SSH_OK;
    case 3:
        if (how->command)
            return ssh_channel_request_exec(ch->ssh, how->command);
        return how->subsystem ? ssh_channel_request_subsystem(ch->ssh, how->subsystem)
                              : ssh_channel_request_shell(ch->ssh);
    default: /* a count, not an enum */
        return SSH_ERROR;
    }
}

/* How long the server takes to answer, once a link. Not how long it took for the channel: for the
 * first one sshd makes a process. Whoever ignores the question gets full windows. */
static bool measure(struct channel *ch, struct kiln_cancel *c, struct kiln_err *err)
{
    struct kiln_link *l = ch->link;
    int64_t began = kiln_cancel_now(c), deadline = kiln_cancel_deadline(c, ANSWER_LIMIT);
    int rc;

    while (l->round_trip_us == 0 && (rc = ssh_send_keepalive(l->session)) != SSH_OK) {
        KILN_AUTO_ERR why = { 0 };
        enum kiln_wait got = KILN_WAIT_READY;

        if (rc == SSH_AGAIN)
            got = ch_pump(&ch->base, c, deadline, &why);
        if (rc != SSH_AGAIN || ch->base.lost)
            return failed(ch, err);
        if (got == KILN_WAIT_TIMEOUT)
            break;
        if (got != KILN_WAIT_READY)
            return kiln_err_move(err, &why);
    }
    if (l->round_trip_us == 0)
        l->round_trip_us = kiln_cancel_now(c) - began + 1;
    return true;
}

static bool open_it(struct channel *ch, const struct kiln_channel_how *how, struct kiln_cancel *c,
                    int64_t deadline, bool *ret_refused, struct kiln_err *err)
{
    for (unsigned step = 0; step < 4;) {
        int rc = request(ch, how, step);

        *ret_refused = step > 0 && ssh_is_connected(ch->link->session);

        if (rc == SSH_OK) {
            if (step++ == 0 && !measure(ch, c, err))
                return false;
            continue;
        }
        if (rc == SSH_AGAIN && ch_pump(&ch->base, c, deadline, err) != KILN_WAIT_READY)
            return kiln_err_wrap(err, "open a session in the guest");
        if (rc != SSH_AGAIN || ch->base.lost)
            return failed(ch, err);
    }
    return true;
}

struct kiln_channel *kiln_link_channel_open(struct kiln_link *l, const struct kiln_channel_how *how,
                                            struct kiln_cancel *c, int64_t deadline,
                                            bool *ret_refused, struct kiln_err *err)
{
    struct channel *ch = kiln_xcalloc(1, sizeof(*ch));

    *ch = (struct channel){
        .base = { .ops = &ch_ops, .output = how->output, .ud = how->ud, .status = -1 },
        .link = l,
        .ssh = ssh_channel_new(l->session),
        .callbacks = { .userdata = ch,
                       .channel_data_function = on_data,
                       .channel_close_function = on_close,
                       .channel_exit_status_function = on_exit_status,
                       .channel_exit_signal_function = on_exit_signal },
    };
    ssh_callbacks_init(&ch->callbacks);
    if (!ch->ssh || ssh_set_channel_callbacks(ch->ssh, &ch->callbacks) != SSH_OK ||
        !open_it(ch, how, c, deadline, ret_refused, err)) {
        if (!ch->ssh)
            (void)kiln_link_error(l, err);
        ch_free(&ch->base);
        return NULL;
    }
    return &ch->base;
}
