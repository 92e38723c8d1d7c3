#include "communicator/dial.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "communicator/socks.h"

#define MAX_REASON 512 /* bytes of what a bastion says */

enum stage {
    CONNECTING, /* TCP */
    SOCKS,      /* talks to the proxy */
    BASTION,    /* waits for its answer */
};

struct kiln_dial {
    enum stage stage;
    const struct kiln_ssh_config *cfg;
    const struct kiln_tcp_addr *to; /* CONNECTING */
    int fd;
    struct kiln_socks socks;
    unsigned char got[KILN_SOCKS_WANT_MAX]; /* of what socks wants */
    size_t n_got;
    char refused;           /* the bastion's first byte, unless it is 0 */
    struct kiln_str reason; /* … and what follows */
};

static struct kiln_dial *dial_new(enum stage stage, const struct kiln_ssh_config *cfg)
{
    struct kiln_dial *d = kiln_xcalloc(1, sizeof(*d));

    *d = (struct kiln_dial){
        .stage = stage, .cfg = cfg, .fd = -1, .reason = KILN_STR_MAX(MAX_REASON)
    };
    return d;
}

void kiln_dial_free(struct kiln_dial *d)
{
    if (!d)
        return;
    kiln_fd_closep(&d->fd);
    kiln_socks_done(&d->socks);
    kiln_str_done(&d->reason);
    free(d);
}

struct kiln_dial *kiln_dial_by_tcp(const struct kiln_ssh_config *cfg,
                                   const struct kiln_tcp_addr *to, struct kiln_err *err)
{
    struct kiln_dial *d = dial_new(CONNECTING, cfg);

    d->to = to;
    if (kiln_tcp_dial_begin(&d->fd, to, err))
        return d;
    kiln_dial_free(d);
    return NULL;
}

struct kiln_dial *kiln_dial_by_bastion(const struct kiln_ssh_config *cfg, struct kiln_hub *bastion,
                                       const struct kiln_ssh_ops *ops, struct kiln_err *err)
{
    struct kiln_dial *d = dial_new(BASTION, cfg);

    if (ops->hub_dial(bastion, cfg->host, cfg->port, &d->fd, err))
        return d;
    kiln_dial_free(d);
    return NULL;
}

struct pollfd kiln_dial_poll(const struct kiln_dial *d)
{
    struct pollfd p = { .fd = d->fd, .events = POLLIN };

    if (d->stage == CONNECTING || d->socks.out.len > 0)
        p.events = POLLOUT;
    return p;
}

/* The result of a recv or send that did not move all there is to move. */
static enum kiln_dial_state not_now(ssize_t n, struct kiln_err *err)
{
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return KILN_DIAL_BUSY;
    if (n < 0)
        (void)kiln_err_sys(err, errno, "the connection broke");
    else
        (void)kiln_err_set(err, KILN_ERR_REMOTE, "the connection was closed");
    return KILN_DIAL_FAILED;
}

/* ---- SOCKS5 ---- */

static enum kiln_dial_state send_out(struct kiln_dial *d, struct kiln_err *err)
{
    struct kiln_str *out = &d->socks.out;

    while (out->len > 0) {
        ssize_t n = send(d->fd, out->data, out->len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n <= 0)
            return not_now(n, err);
        kiln_str_remove(out, 0, (size_t)n);
    }
    return KILN_DIAL_DONE;
}

static enum kiln_dial_state step_socks(struct kiln_dial *d, struct kiln_err *err)
{
    while (d->socks.state != KILN_SOCKS_OPEN) {
        enum kiln_dial_state sent = send_out(d, err);
        ssize_t n;

        if (sent != KILN_DIAL_DONE)
            return sent;
        n = recv(d->fd, d->got + d->n_got, d->socks.want - d->n_got, MSG_DONTWAIT);
        if (n <= 0)
            return not_now(n, err);
        d->n_got += (size_t)n;
        if (d->n_got < d->socks.want)
            continue;
        d->n_got = 0;
        if (!kiln_socks_feed(&d->socks, d->got, err))
            return KILN_DIAL_FAILED;
    }
    return KILN_DIAL_DONE;
}

static enum kiln_dial_state in_proxy(struct kiln_dial *d, struct kiln_err *err)
{
    enum kiln_dial_state state = step_socks(d, err);

    if (state == KILN_DIAL_FAILED)
        (void)kiln_err_wrap(err, "ssh_proxy_host %s:%d: connect to %s:%d", d->cfg->proxy.host,
                            d->cfg->proxy.port, d->cfg->host, d->cfg->port);
    return state;
}

/* ---- bastion ---- */

static enum kiln_dial_state step_bastion(struct kiln_dial *d, struct kiln_err *err)
{
    char buf[128];

    for (;;) {
        ssize_t n = recv(d->fd, buf, d->refused ? sizeof(buf) : 1, MSG_DONTWAIT);

        if (n > 0 && d->refused) {
            kiln_str_add(&d->reason, buf, (size_t)n);
        } else if (n > 0) {
            if (buf[0] == 0)
                return KILN_DIAL_DONE;
            d->refused = buf[0];
        } else if (n == 0 && d->refused == 2) {
            (void)kiln_err_set(err, KILN_ERR_USER,
                               "it is told not to do that (%s): what do its "
                               "AllowTcpForwarding and PermitOpen say?",
                               kiln_str_cstr(&d->reason));
            return KILN_DIAL_FAILED;
        } else if (n == 0 && d->refused) {
            (void)kiln_err_set(err, KILN_ERR_REMOTE, "%s", kiln_str_cstr(&d->reason));
            return KILN_DIAL_FAILED;
        } else {
            return not_now(n, err);
        }
    }
}

static enum kiln_dial_state in_bastion(struct kiln_dial *d, struct kiln_err *err)
{
    enum kiln_dial_state state = step_bastion(d, err);

    if (state == KILN_DIAL_FAILED)
        (void)kiln_err_wrap(err, "ssh_bastion_host %s:%d: connect to %s:%d", d->cfg->bastion->host,
                            d->cfg->bastion->port, d->cfg->host, d->cfg->port);
    return state;
}

/* ---- TCP ---- */

static enum kiln_dial_state in_tcp(struct kiln_dial *d, struct kiln_err *err)
{
    const struct kiln_ssh_proxy *proxy = &d->cfg->proxy;

    if (!kiln_tcp_dial_end(d->fd, d->to, err)) {
        if (proxy->host)
            (void)kiln_err_wrap(err, "ssh_proxy_host %s:%d", proxy->host, proxy->port);
        return KILN_DIAL_FAILED;
    }
    if (!proxy->host)
        return KILN_DIAL_DONE;
    if (!kiln_socks_init(&d->socks, proxy, d->cfg->host, d->cfg->port, err))
        return KILN_DIAL_FAILED;
    d->stage = SOCKS;
    return in_proxy(d, err);
}

enum kiln_dial_state kiln_dial_step(struct kiln_dial *d, int *ret_fd, struct kiln_err *err)
{
    enum kiln_dial_state state = KILN_DIAL_FAILED;

    switch (d->stage) {
    case CONNECTING:
        state = in_tcp(d, err);
        break;
    case SOCKS:
        state = in_proxy(d, err);
        break;
    case BASTION:
        state = in_bastion(d, err);
        break;
    }
    if (state == KILN_DIAL_DONE) {
        *ret_fd = d->fd;
        d->fd = -1; /* handed over */
    }
    return state;
}
