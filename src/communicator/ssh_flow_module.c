#include "communicator/ssh_flow.h"

#include <errno.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

#define BLOCK      (32u << 10)
#define HELD_MAX   (256u << 10) /* bytes of `out` before libssh has to keep the rest */
#define UNREAD_MAX (4u << 20)   /* what it keeps from a server that heeds no window */
#define TURNS      8            /* blocks before it is somebody else's turn */

enum state {
    IDLE,
    OPENING,  /* the server connects to `host` */
    DIALLING, /* we connect, to one of `to` after the other */
    OPEN,
};

struct kiln_flow {
    enum state state;
    struct kiln_link *link;
    ssh_channel channel;
    struct ssh_channel_callbacks_struct callbacks;
    int fd;
    short revents; /* of the step at hand */

    char *host; /* OPENING; owned */
    int port;
    bool announce;
    const struct kiln_tcp_addrs *to;
    size_t next_to;

    char in[BLOCK]; /* from the socket */
    size_t in_from, in_to;
    struct kiln_str out; /* to the socket; from out_from on */
    size_t out_from;
    bool unread; /* libssh holds more for `out` */
    bool fd_eof, eof_sent, channel_eof, fd_shut;
    bool over;
};

/* ---- what the server says ---- */

/* What is not taken here stays with libssh, and the server's window does not open meanwhile. */
static int on_data(ssh_session session, ssh_channel channel, void *data, uint32_t len,
                   int is_stderr, void *ud)
{
    struct kiln_flow *f = ud;
    size_t held = f->out.len - f->out_from, room = held < HELD_MAX ? HELD_MAX - held : 0;
    size_t n = len < room ? len : room;

    (void)session, (void)channel;
    if (is_stderr)
        return (int)len;
    kiln_str_add(&f->out, data, n);
    f->unread = n < len;
    if (len - n > UNREAD_MAX)
        f->over = true;
    return (int)n;
}

static void on_eof(ssh_session session, ssh_channel channel, void *ud)
{
    (void)session, (void)channel;
    ((struct kiln_flow *)ud)->channel_eof = true;
}

/* ---- beginning and end ---- */

static void begin(struct kiln_flow *f, struct kiln_link *l, ssh_channel channel, int fd)
{
    *f = (struct kiln_flow){ .link = l, .channel = channel, .fd = fd };
    f->callbacks = (struct ssh_channel_callbacks_struct){ .userdata = f,
                                                          .channel_data_function = on_data,
                                                          .channel_eof_function = on_eof,
                                                          .channel_close_function = on_eof };
    ssh_callbacks_init(&f->callbacks);
    f->over = !channel || ssh_set_channel_callbacks(channel, &f->callbacks) != SSH_OK;
}

void kiln_flow_open(struct kiln_flow *f, struct kiln_link *l, int fd, const char *host, int port,
                    bool announce)
{
    begin(f, l, ssh_channel_new(l->session), fd);
    f->state = OPENING;
    f->host = kiln_xstrdup(*host ? host : "localhost");
    f->port = port;
    f->announce = announce;
}

void kiln_flow_accept(struct kiln_flow *f, struct kiln_link *l, ssh_channel channel,
                      const struct kiln_tcp_addrs *to)
{
    begin(f, l, channel, -1);
    f->state = DIALLING;
    f->to = to;
}

void kiln_flow_end(struct kiln_flow *f)
{
    if (f->state == IDLE)
        return;
    if (f->channel) {
        (void)ssh_remove_channel_callbacks(f->channel, &f->callbacks);
        if (ssh_channel_is_open(f->channel))
            (void)ssh_channel_close(f->channel);
        ssh_channel_free(f->channel);
    }
    kiln_fd_closep(&f->fd);
    kiln_str_done(&f->out);
    free(f->host);
    *f = (struct kiln_flow){ .fd = -1 };
}

struct kiln_flow *kiln_flow_new(void)
{
    struct kiln_flow *f = kiln_xcalloc(1, sizeof(*f));

    f->fd = -1;
    return f;
}

void kiln_flow_free(struct kiln_flow *f)
{
    if (f)
        kiln_flow_end(f);
    free(f);
}

bool kiln_flow_is_idle(const struct kiln_flow *f)
{
    return f->state == IDLE;
}

/* ---- becoming open ---- */

/* Both fit into the buffer of a socket that nothing was sent to before. */
static void announce(struct kiln_flow *f, char code, const char *text)
{
    KILN_AUTO_STR say = { 0 };

    if (!f->announce)
        return;
    kiln_str_addc(&say, code);
    kiln_str_adds(&say, text);
    if (send(f->fd, say.data, say.len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)say.len)
        f->over = true;
}

/* The server's own words; libssh has put a number of its own and a code in brackets before them. */
static const char *reason(const struct kiln_flow *f)
{
    const char *text = ssh_get_error(f->link->session), *end = strstr(text, ") ");

    return end && end[2] ? end + 2 : text;
}

/* RFC 4254, 5.1: SSH_OPEN_ADMINISTRATIVELY_PROHIBITED. */
static bool is_forbidden(const struct kiln_flow *f)
{
    return strstr(ssh_get_error(f->link->session), " error (1) ") != NULL;
}

static void step_opening(struct kiln_flow *f)
{
    int rc = ssh_channel_open_forward(f->channel, f->host, f->port, "127.0.0.1", 0);

    if (rc == SSH_AGAIN) {
        f->over = (f->revents & (POLLHUP | POLLERR)) != 0; /* nobody waits for it any more */
    } else if (rc == SSH_OK) {
        f->state = OPEN;
        announce(f, 0, NULL);
    } else {
        kiln_log("ssh: %s:%d: %s", f->host, f->port, reason(f));
        announce(f, is_forbidden(f) ? 2 : 1, reason(f));
        f->over = true;
    }
}

static void step_dialling(struct kiln_flow *f)
{
    KILN_AUTO_ERR why = { 0 };

    if (f->fd >= 0 && !f->revents)
        return;
    if (f->fd >= 0 && kiln_tcp_dial_end(f->fd, &f->to->v[f->next_to - 1], &why)) {
        f->state = OPEN;
        return;
    }
    kiln_fd_closep(&f->fd);
    while (f->fd < 0 && f->next_to < f->to->n)
        (void)kiln_tcp_dial_begin(&f->fd, &f->to->v[f->next_to++], &why);
    if (f->fd < 0) {
        kiln_log("ssh: tunnel: %s", kiln_err_text(&why));
        f->over = true;
    }
}

/* ---- open ---- */

static bool cannot_write(const struct kiln_flow *f)
{
    return ssh_channel_window_size(f->channel) == 0 ||
           (ssh_get_poll_flags(f->link->session) & SSH_WRITE_PENDING);
}

/* Result of a send or recv: true if it moved something. */
static bool moved(struct kiln_flow *f, ssize_t n)
{
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        f->over = true;
    return n > 0;
}

static bool fill(struct kiln_flow *f)
{
    ssize_t n;

    if (f->in_from < f->in_to || f->fd_eof)
        return false;
    n = recv(f->fd, f->in, sizeof(f->in), MSG_DONTWAIT);
    f->fd_eof = n == 0;
    f->in_from = 0;
    f->in_to = moved(f, n) ? (size_t)n : 0;
    return n > 0;
}

/* From the socket to the server. */
static void upstream(struct kiln_flow *f)
{
    for (int i = 0; i < TURNS && !f->over && !cannot_write(f); i++) {
        uint32_t window = ssh_channel_window_size(f->channel);
        size_t left;
        int n;

        if (f->in_from == f->in_to && !fill(f))
            break;
        left = f->in_to - f->in_from;
        n = ssh_channel_write(f->channel, f->in + f->in_from,
                              left < window ? (uint32_t)left : window);
        f->over = f->over || n < 0;
        f->in_from += n > 0 ? (size_t)n : 0;
    }
    if (f->fd_eof && f->in_from == f->in_to && !f->eof_sent && !f->over) {
        f->eof_sent = true;
        f->over = ssh_channel_send_eof(f->channel) != SSH_OK;
    }
}

/* All at once: libssh opens the window by as much as if it kept nothing. */
static void take_unread(struct kiln_flow *f)
{
    char buf[BLOCK];
    int left = ssh_channel_poll(f->channel, 0);

    while (left > 0) {
        int n = left < (int)sizeof(buf) ? left : (int)sizeof(buf);

        n = ssh_channel_read_nonblocking(f->channel, buf, (uint32_t)n, 0);
        if (n <= 0)
            break;
        kiln_str_add(&f->out, buf, (size_t)n);
        left -= n;
    }
    f->unread = false;
}

/* From the server to the socket. */
static void downstream(struct kiln_flow *f)
{
    while (!f->over && (f->out_from < f->out.len || f->unread)) {
        ssize_t n;

        if (f->out_from == f->out.len) {
            kiln_str_clear(&f->out);
            f->out_from = 0;
            take_unread(f);
            continue;
        }
        n = send(f->fd, f->out.data + f->out_from, f->out.len - f->out_from,
                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (!moved(f, n))
            break;
        f->out_from += (size_t)n;
    }
    if (f->out_from > HELD_MAX || f->out_from == f->out.len) {
        kiln_str_remove(&f->out, 0, f->out_from);
        f->out_from = 0;
    }
    if (f->channel_eof && f->out.len == 0 && !f->unread && !f->fd_shut) {
        f->fd_shut = true;
        (void)shutdown(f->fd, SHUT_WR);
    }
}

static void step_open(struct kiln_flow *f)
{
    upstream(f);
    downstream(f);
    if (f->fd_shut && (f->eof_sent || ssh_channel_is_closed(f->channel)))
        f->over = true;
    /* Nobody will read what may still come. */
    if (f->eof_sent && (f->announce || (f->revents & (POLLHUP | POLLERR))))
        f->over = true;
}

void kiln_flow_step(struct kiln_flow *f, short revents)
{
    f->revents = revents;
    if (!f->over) {
        switch (f->state) {
        case IDLE:
            return;
        case OPENING:
            step_opening(f);
            break;
        case DIALLING:
            step_dialling(f);
            break;
        case OPEN:
            step_open(f);
            break;
        }
    }
    if (f->over)
        kiln_flow_end(f);
}

struct pollfd kiln_flow_poll(const struct kiln_flow *f)
{
    struct pollfd p = { .fd = f->fd };

    switch (f->state) {
    case IDLE:
        p.fd = -1;
        break;
    case OPENING: /* its end is told in any case */
        break;
    case DIALLING:
        p.events = POLLOUT;
        break;
    case OPEN:
        if (f->in_from == f->in_to && !f->fd_eof && ssh_channel_window_size(f->channel) > 0)
            p.events |= POLLIN;
        if (f->out_from < f->out.len)
            p.events |= POLLOUT;
        if (!p.events && !f->eof_sent)
            p.fd = -1; /* a hang-up would be told again and again */
        break;
    }
    return p;
}
