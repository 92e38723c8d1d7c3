/*
 * A hub: one logged-in link whose channels are other people's connections, on a thread of its own,
 * because they have to move while the build's thread is elsewhere. A bastion is a hub to which the
 * communicator gives sockets; tunnels are a hub that listens.
 *
 * Threads: the hub's, and the one that made it. What both touch (orders, ended, stop) is under
 * `lock`; all else is the hub's thread's from its start to its end. No other lock is taken
 * meanwhile.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "communicator/ssh_flow.h"

#define MAX_FLOWS      32
#define MAX_ORDERS     MAX_FLOWS
#define SIGN_OF_LIFE   KILN_SECOND(30) /* so that no router forgets us */
#define LISTEN_AGAIN   KILN_MS(250) /* the guest's server of the last connection may hold it yet */
#define LISTEN_LIMIT   KILN_SECOND(5)
#define TUNNEL_FORMAT  "ssh_%s_tunnels '%d:%s:%d'"
#define TUNNEL_ARGS(t) (t)->remote ? "remote" : "local", (t)->listen_port, (t)->host, (t)->port

struct order {
    int fd;
    char *host;
    int port;
};

struct door { /* one tunnel's end that listens */
    const struct kiln_ssh_tunnel *tunnel;
    int fd;                   /* a local one's */
    struct kiln_tcp_addrs to; /* a remote one's */
};

struct kiln_hub {
    struct kiln_link *link;
    struct door *doors;
    size_t n_doors;
    struct kiln_flow *flows[MAX_FLOWS];
    struct pollfd *fds; /* link, wake, flows, doors */
    struct ssh_counter_struct packets;
    pthread_t thread;
    bool started;
    bool closing; /* flows are being ended: no new ones */
    int wake;     /* eventfd */

    pthread_mutex_t lock;
    struct order orders[MAX_ORDERS];
    size_t n_orders;
    bool stop, ended;
};

#define FLOW_FDS(h) ((h)->fds + 2)

static struct kiln_flow *free_flow(struct kiln_hub *h)
{
    for (size_t i = 0; i < MAX_FLOWS; i++) {
        if (kiln_flow_is_idle(h->flows[i]))
            return h->flows[i];
    }
    return NULL;
}

/* ---- doors ---- */

/* Somebody in the guest has come to a remote tunnel's door. All else that a server may ask for is
 * refused: 1. */
static int on_message(ssh_session session, ssh_message message, void *ud)
{
    struct kiln_hub *h = ud;
    struct kiln_flow *f = h->closing ? NULL : free_flow(h);

    (void)session;
    if (!f || ssh_message_type(message) != SSH_REQUEST_CHANNEL_OPEN ||
        ssh_message_subtype(message) != SSH_CHANNEL_FORWARDED_TCPIP)
        return 1;
    for (size_t i = 0; i < h->n_doors; i++) {
        const struct kiln_ssh_tunnel *t = h->doors[i].tunnel;
        ssh_channel channel;

        if (!t->remote ||
            ssh_message_channel_request_open_destination_port(message) != t->listen_port)
            continue;
        channel = ssh_message_channel_request_open_reply_accept(message);
        if (channel)
            kiln_flow_accept(f, h->link, channel, &h->doors[i].to);
        return 0;
    }
    return 1;
}

static bool listen_here(struct door *d, struct kiln_err *err)
{
    const struct sockaddr_in addr = { .sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)d->tunnel->listen_port),
                                      .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    int one = 1;

    d->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (d->fd < 0)
        return kiln_err_sys(err, errno, "make a socket");
    (void)setsockopt(d->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(d->fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0 || listen(d->fd, 16) != 0)
        return kiln_err_sys(err, errno, "cannot listen on 127.0.0.1:%d", d->tunnel->listen_port);
    return true;
}

static bool ask_to_listen(struct kiln_link *l, int port, struct kiln_cancel *c, int64_t deadline,
                          struct kiln_err *err)
{
    int rc, bound = 0;

    while ((rc = ssh_channel_listen_forward(l->session, "localhost", port, &bound)) == SSH_AGAIN) {
        if (kiln_link_pump(l, NULL, 0, c, deadline, err) != KILN_WAIT_READY)
            return false;
        if (l->stage == KILN_LINK_DEAD)
            return kiln_link_error(l, err);
    }
    return rc == SSH_OK ||
           kiln_err_set(err, KILN_ERR_REMOTE,
                        "the guest's SSH server would not listen on localhost:%d: is the port "
                        "taken, or AllowTcpForwarding off?",
                        port);
}

static bool listen_there(struct kiln_hub *h, struct door *d, bool again, struct kiln_cancel *c,
                         int64_t deadline, struct kiln_err *err)
{
    const struct kiln_ssh_tunnel *t = d->tunnel;
    int64_t last_try = kiln_cancel_deadline(c, again ? LISTEN_LIMIT : 0);
    KILN_AUTO_ERR why = { 0 };

    if (!kiln_tcp_lookup(&d->to, t->host, t->port, c, deadline, err))
        return false;
    while (!ask_to_listen(h->link, t->listen_port, c, deadline, &why)) {
        if (why.kind != KILN_ERR_REMOTE || h->link->stage == KILN_LINK_DEAD ||
            kiln_cancel_now(c) >= last_try)
            return kiln_err_move(err, &why);
        if (!kiln_wait_us(c, LISTEN_AGAIN, err))
            return false;
    }
    return true;
}

static bool open_doors(struct kiln_hub *h, const struct kiln_ssh_tunnel *tunnels, size_t n,
                       bool again, struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct door *d = &h->doors[h->n_doors++];

        *d = (struct door){ .tunnel = &tunnels[i], .fd = -1 };
        if (!(d->tunnel->remote ? listen_there(h, d, again, c, deadline, err)
                                : listen_here(d, err)))
            return kiln_err_wrap(err, TUNNEL_FORMAT, TUNNEL_ARGS(d->tunnel));
        kiln_log("ssh: " TUNNEL_FORMAT " is open", TUNNEL_ARGS(d->tunnel));
    }
    return true;
}

static void answer_doors(struct kiln_hub *h)
{
    for (size_t i = 0; i < h->n_doors; i++) {
        struct door *d = &h->doors[i];
        struct kiln_flow *f = free_flow(h);
        int fd = d->fd >= 0 && f ? accept4(d->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;

        if (fd >= 0)
            kiln_flow_open(f, h->link, fd, d->tunnel->host, d->tunnel->port, false);
    }
}

/* ---- orders ---- */

static void drop_order(struct order *o)
{
    kiln_fd_closep(&o->fd);
    free(o->host);
}

/* False: the hub is to stop. */
static bool take_orders(struct kiln_hub *h)
{
    bool stop;

    (void)pthread_mutex_lock(&h->lock);
    stop = h->stop;
    for (size_t i = 0; i < h->n_orders; i++) {
        struct order *o = &h->orders[i];
        struct kiln_flow *f = free_flow(h);

        if (f) {
            kiln_flow_open(f, h->link, o->fd, o->host, o->port, true);
            o->fd = -1; /* handed over */
        }
        drop_order(o);
    }
    h->n_orders = 0;
    (void)pthread_mutex_unlock(&h->lock);
    return !stop;
}

static bool order(struct kiln_hub *h, const char *host, int port, int fd)
{
    bool ok;

    (void)pthread_mutex_lock(&h->lock);
    ok = !h->ended && h->n_orders < MAX_ORDERS;
    if (ok)
        h->orders[h->n_orders++] =
            (struct order){ .fd = fd, .host = kiln_xstrdup(host), .port = port };
    (void)pthread_mutex_unlock(&h->lock);
    return ok;
}

bool kiln_link_hub_dial(struct kiln_hub *h, const char *host, int port, int *ret_fd,
                        struct kiln_err *err)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return kiln_err_sys(err, errno, "make a socket");
    if (!order(h, host, port, pair[1])) {
        kiln_fd_closep(&pair[0]);
        kiln_fd_closep(&pair[1]);
        return kiln_err_set(err, KILN_ERR_REMOTE, "the connection to it was lost");
    }
    (void)eventfd_write(h->wake, 1);
    *ret_fd = pair[0];
    return true;
}

bool kiln_link_hub_alive(const struct kiln_hub *h)
{
    struct kiln_hub *mutable = (struct kiln_hub *)h; /* only the lock */
    bool alive;

    (void)pthread_mutex_lock(&mutable->lock);
    alive = !h->ended;
    (void)pthread_mutex_unlock(&mutable->lock);
    return alive;
}

/* ---- the thread ---- */

/* Every call of libssh may take in packets that another flow waits for: go round until one round
 * has brought none. False: stop, or the connection is gone. */
static bool work(struct kiln_hub *h)
{
    uint64_t before;

    do {
        bool did;

        before = h->packets.in_packets;
        if (!take_orders(h) || !kiln_link_work(h->link, &did))
            return false;
        answer_doors(h);
        for (size_t i = 0; i < MAX_FLOWS; i++) {
            kiln_flow_step(h->flows[i], FLOW_FDS(h)[i].revents);
            FLOW_FDS(h)[i].revents = 0;
        }
    } while (h->packets.in_packets != before);
    return ssh_is_connected(h->link->session);
}

static bool await(struct kiln_hub *h)
{
    bool room = free_flow(h) != NULL;
    struct pollfd *flows = FLOW_FDS(h), *doors = flows + MAX_FLOWS;
    eventfd_t n;

    h->fds[0] = kiln_link_poll(h->link);
    h->fds[1] = (struct pollfd){ .fd = h->wake, .events = POLLIN };
    for (size_t i = 0; i < h->n_doors; i++)
        doors[i] = (struct pollfd){ .fd = room ? h->doors[i].fd : -1, .events = POLLIN };
    for (size_t i = 0; i < MAX_FLOWS; i++)
        flows[i] = kiln_flow_poll(h->flows[i]);
    switch (kiln_wait_fds(NULL, h->fds, 2 + h->n_doors + MAX_FLOWS,
                          kiln_cancel_deadline(NULL, SIGN_OF_LIFE), NULL)) {
    case KILN_WAIT_READY:
        break;
    case KILN_WAIT_TIMEOUT:
        kiln_link_keep_alive(h->link);
        return true;
    case KILN_WAIT_CANCELLED:
    case KILN_WAIT_ERROR:
        return false;
    }
    (void)eventfd_read(h->wake, &n);
    return true;
}

static void *run(void *ud)
{
    struct kiln_hub *h = ud;

    while (work(h) && await(h))
        ;
    h->closing = true;
    for (size_t i = 0; i < MAX_FLOWS; i++)
        kiln_flow_end(h->flows[i]); /* who has their other ends knows at once */
    (void)pthread_mutex_lock(&h->lock);
    h->ended = true;
    for (size_t i = 0; i < h->n_orders; i++)
        drop_order(&h->orders[i]);
    h->n_orders = 0;
    (void)pthread_mutex_unlock(&h->lock);
    return NULL;
}

/* ---- life ---- */

void kiln_link_hub_free(struct kiln_hub *h)
{
    if (!h)
        return;
    if (h->started) {
        (void)pthread_mutex_lock(&h->lock);
        h->stop = true;
        (void)pthread_mutex_unlock(&h->lock);
        (void)eventfd_write(h->wake, 1);
        (void)pthread_join(h->thread, NULL);
    }
    h->closing = true;
    for (size_t i = 0; i < MAX_FLOWS; i++)
        kiln_flow_free(h->flows[i]); /* before the link: their channels are its */
    kiln_link_free(h->link);
    for (size_t i = 0; i < h->n_doors; i++) {
        kiln_fd_closep(&h->doors[i].fd);
        kiln_tcp_addrs_done(&h->doors[i].to);
    }
    kiln_fd_closep(&h->wake);
    (void)pthread_mutex_destroy(&h->lock);
    free(h->doors);
    free(h->fds);
    free(h);
}

struct kiln_hub *kiln_link_hub_new(struct kiln_link *link, const struct kiln_ssh_tunnel *tunnels,
                                   size_t n, bool again, struct kiln_cancel *c, int64_t deadline,
                                   struct kiln_err *err)
{
    struct kiln_hub *h = kiln_xcalloc(1, sizeof(*h));

    *h = (struct kiln_hub){ .link = link,
                            .doors = kiln_xcalloc(n + 1, sizeof(*h->doors)),
                            .fds = kiln_xcalloc(2 + n + MAX_FLOWS, sizeof(*h->fds)),
                            .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    (void)pthread_mutex_init(&h->lock, NULL);
    for (size_t i = 0; i < MAX_FLOWS; i++)
        h->flows[i] = kiln_flow_new();
    ssh_set_message_callback(link->session, on_message, h);
    ssh_set_counters(link->session, NULL, &h->packets);
    if (h->wake < 0)
        (void)kiln_err_sys(err, errno, "eventfd");
    else if (open_doors(h, tunnels, n, again, c, deadline, err))
        h->started = kiln_thread_start(&h->thread, "ssh-hub", run, h, err);
    if (h->started)
        return h;
    kiln_link_hub_free(h);
    return NULL;
}
