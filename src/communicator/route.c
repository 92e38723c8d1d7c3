#include "communicator/route.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/tcp.h"
#include "communicator/dial.h"
#include "communicator/ssh_wait.h"

#define LOOKUP_LIMIT KILN_SECOND(15)

struct kiln_route {
    const struct kiln_ssh_config *cfg;
    const struct kiln_ssh_ops *ops;
    struct kiln_tcp_addrs addresses; /* of the guest or the proxy; none with a bastion */
    size_t next;                     /* of them */
    struct kiln_route *to_bastion;   /* NULL: no bastion, as the next two */
    struct kiln_ssh_keys *keys;
    struct kiln_hub *bastion; /* NULL as long as we are not in */
};

struct kiln_route *kiln_route_new(const struct kiln_ssh_config *cfg, const struct kiln_ssh_ops *ops,
                                  struct kiln_err *err)
{
    struct kiln_route *r = kiln_xcalloc(1, sizeof(*r));

    *r = (struct kiln_route){ .cfg = cfg, .ops = ops };
    if (!cfg->bastion)
        return r;
    r->to_bastion = kiln_route_new(cfg->bastion, ops, err); /* which has none itself */
    r->keys = ops->keys_new(cfg->bastion, err);
    if (r->to_bastion && r->keys)
        return r;
    kiln_route_free(r);
    return NULL;
}

void kiln_route_free(struct kiln_route *r)
{
    if (!r)
        return;
    r->ops->hub_free(r->bastion);
    r->ops->keys_free(r->keys);
    kiln_route_free(r->to_bastion);
    kiln_tcp_addrs_done(&r->addresses);
    free(r);
}

void kiln_route_refresh(struct kiln_route *r)
{
    kiln_tcp_addrs_done(&r->addresses);
    r->next = 0;
}

bool kiln_route_is_shared(const struct kiln_route *r)
{
    return r->cfg->is_bastion || r->cfg->bastion || r->cfg->proxy.host;
}

/* ---- opening ---- */

static bool look_up(struct kiln_route *r, struct kiln_cancel *c, int64_t deadline,
                    struct kiln_err *ret_why, struct kiln_err *err)
{
    const struct kiln_ssh_proxy *proxy = &r->cfg->proxy;
    const char *host = proxy->host ? proxy->host : r->cfg->host;
    int port = proxy->host ? proxy->port : r->cfg->port;
    int64_t limit = kiln_cancel_deadline(c, LOOKUP_LIMIT);

    if (r->addresses.n > 0 ||
        kiln_tcp_lookup(&r->addresses, host, port, c, limit < deadline ? limit : deadline, ret_why))
        return true;
    return ret_why->kind != KILN_ERR_CANCELLED || kiln_err_move(err, ret_why);
}

/* Log in there, and leave the connection to a thread of its own. */
static bool enter_bastion(struct kiln_route *r, const struct kiln_ssh_watch *watch,
                          struct kiln_cancel *c, int64_t deadline, struct kiln_err *err)
{
    struct kiln_ssh_config cfg = *r->cfg->bastion; /* its strings stay there */
    struct kiln_ssh_watch quiet = *watch;
    struct kiln_link *link = NULL;
    int64_t left = deadline == KILN_NEVER ? 0 : deadline - kiln_cancel_now(c);

    quiet.ladder = NULL; /* the rungs are the guest's */
    quiet.forwarded = false;
    cfg.attempts = 1; /* it does not boot: what it refuses once it refuses */
    cfg.timeout_us = deadline == KILN_NEVER ? 0 : left > 0 ? left : 1;
    kiln_route_refresh(r->to_bastion);
    if (!kiln_ssh_wait(&link, r->ops, r->to_bastion, &cfg, r->keys, &quiet, c, err))
        return false;
    kiln_log("ssh: in at the bastion %s:%d", cfg.host, cfg.port);
    r->bastion = r->ops->hub_new(link, NULL, 0, false, c, deadline, err);
    return r->bastion != NULL;
}

bool kiln_route_open(struct kiln_route *r, const struct kiln_ssh_watch *watch,
                     struct kiln_cancel *c, int64_t deadline, struct kiln_err *ret_why,
                     struct kiln_err *err)
{
    if (!r->to_bastion)
        return look_up(r, c, deadline, ret_why, err);
    if (r->bastion && r->ops->hub_alive(r->bastion))
        return true;
    r->ops->hub_free(r->bastion);
    r->bastion = NULL;
    return enter_bastion(r, watch, c, deadline, err);
}

struct kiln_dial *kiln_dial_new(struct kiln_route *r, struct kiln_err *err)
{
    struct kiln_dial *d = NULL;

    if (r->bastion)
        return kiln_dial_by_bastion(r->cfg, r->bastion, r->ops, err);
    for (size_t i = 0; i < r->addresses.n && !d; i++)
        d = kiln_dial_by_tcp(r->cfg, &r->addresses.v[r->next++ % r->addresses.n], err);
    return d;
}
