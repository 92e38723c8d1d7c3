/*
 * What kiln-ssh.so gives to the core: libssh behind one table. A link is one connection, first
 * while it logs in (many side by side, none of them ever waits), then with channels in it.
 *
 * One thread for a set of keys and all its links.
 */
#ifndef KILN_COMMUNICATOR_SSH_OPS_H
#define KILN_COMMUNICATOR_SSH_OPS_H

#include "communicator/channel.h"
#include "communicator/ssh.h"

struct kiln_ssh_keys; /* the private keys of a config, read once for all links */
struct kiln_link;
struct kiln_hub; /* a link that carries other connections, on a thread of its own */

enum kiln_login {
    KILN_LOGIN_BUSY,   /* call again when the fd has one of the events */
    KILN_LOGIN_READY,  /* before authentication; goes on once it may */
    KILN_LOGIN_DONE,   /* in */
    KILN_LOGIN_DENIED, /* all methods were refused; the link may stay to see when the server goes */
    KILN_LOGIN_FAILED, /* the link is dead; err says why */
};

#define KILN_CHANNEL_MORE 2

struct kiln_channel_how {
    const char *command;   /* text of the exec request, or NULL: */
    const char *subsystem; /* … of the subsystem request, or NULL: a shell */
    bool pty;
    const char *term;   /* with pty; NULL: as Packer, xterm of 80x40 */
    int cols, rows;     /* with term */
    bool forward_agent; /* the command may use our ssh-agent */
    kiln_channel_output *output;
    void *ud;
};

struct kiln_ssh_ops {
    struct kiln_ssh_keys *(*keys_new)(const struct kiln_ssh_config *cfg, struct kiln_err *err);
    void (*keys_free)(struct kiln_ssh_keys *);
    bool (*keypair)(struct kiln_ssh_keypair *ret, const char *type, int64_t bits,
                    const char *comment, struct kiln_err *err);

    /* fd: connected; the link's from here on, also on failure. cfg, keys and c (with which the
     * agent's answers are waited for) are borrowed until the login is over. NULL: an option is bad,
     * which no other attempt will cure. */
    struct kiln_link *(*link_new)(const struct kiln_ssh_config *cfg, struct kiln_ssh_keys *keys,
                                  int fd, struct kiln_cancel *c, struct kiln_err *err);
    void (*link_free)(struct kiln_link *); /* NULL is fine; its channels must be gone */
    struct pollfd (*link_poll)(const struct kiln_link *); /* what to wait for */
    bool (*link_alive)(const struct kiln_link *);
    enum kiln_login (*login)(struct kiln_link *, bool may_authenticate, struct kiln_err *err);
    enum kiln_rung (*rung)(const struct kiln_link *, struct kiln_str *detail);
    const char *(*server)(const struct kiln_link *); /* what it calls itself; borrowed */
    /* The agent has been asked: if the server hung up during that, leave it out next time. */
    bool (*in_agent)(const struct kiln_link *);
    void (*skip_agent)(struct kiln_link *);

    /* *ret_refused: there was a session, but the guest would not run this in it: another connection
     * will not help. */
    struct kiln_channel *(*channel_open)(struct kiln_link *, const struct kiln_channel_how *how,
                                         struct kiln_cancel *c, int64_t deadline, bool *ret_refused,
                                         struct kiln_err *err);
    void (*keep_alive)(struct kiln_link *);
    /* As the channel's pump, and ready also when one of `more` (at most KILN_CHANNEL_MORE) is. */
    enum kiln_wait (*pump_with)(struct kiln_channel *, struct pollfd *more, size_t n,
                                struct kiln_cancel *c, int64_t deadline, struct kiln_err *err);
    void (*resize)(struct kiln_channel *, int cols, int rows); /* of its terminal */

    /* link: logged in; taken, also on failure. All tunnels listen when it returns; they are
     * borrowed by the hub. again: a connection before it had the same tunnels, and the server may
     * hold their ports for a moment yet. Errors name the tunnel. */
    struct kiln_hub *(*hub_new)(struct kiln_link *link, const struct kiln_ssh_tunnel *tunnels,
                                size_t n, bool again, struct kiln_cancel *c, int64_t deadline,
                                struct kiln_err *err);
    void (*hub_free)(struct kiln_hub *); /* NULL is fine; connections through it end */
    bool (*hub_alive)(const struct kiln_hub *);
    /* A connection from the server at the other end to host:port, made in the background. *ret_fd
     * (the caller's) gives one zero byte once it is there, and from then on is it. Or it gives a
     * byte 1 (it failed) or 2 (the server is told never to do that) and a text, and ends. */
    bool (*hub_dial)(struct kiln_hub *, const char *host, int port, int *ret_fd,
                     struct kiln_err *err);
};

#endif
