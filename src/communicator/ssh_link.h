/*
 * The inside of kiln-ssh.so: what its files share. No header of libssh here, its types are only
 * pointed to. Names as in ssh_ops.h.
 */
#ifndef KILN_COMMUNICATOR_SSH_LINK_H
#define KILN_COMMUNICATOR_SSH_LINK_H

#include "communicator/agent.h"
#include "communicator/ssh_ops.h"

struct ssh_session_struct;
struct ssh_event_struct;
struct ssh_key_struct;

#define KILN_SSH_MAX_KEYS 2
#define KILN_FORWARD_MAX  8 /* connections of the guest to our agent at a time */

struct kiln_ssh_keys {
    struct {
        struct ssh_key_struct *key;
        const char *what; /* for people: "key file", "temporary key" */
    } v[KILN_SSH_MAX_KEYS];
    size_t n;
};

/* What a link is doing until it is in. */
enum kiln_link_stage {
    KILN_LINK_KEX,    /* banner and key exchange */
    KILN_LINK_READY,  /* waits to be allowed to authenticate */
    KILN_LINK_NONE,   /* asks which methods there are */
    KILN_LINK_METHOD, /* tries methods[method] */
    KILN_LINK_IN,
    KILN_LINK_DENIED,
    KILN_LINK_DEAD,
};

struct kiln_link {
    struct ssh_session_struct *session;
    struct ssh_event_struct *event;
    int fd; /* libssh's */
    const struct kiln_ssh_config *cfg;
    struct kiln_ssh_keys *keys;
    struct kiln_cancel *cancel;

    enum kiln_link_stage stage;
    unsigned method;    /* index into the list of methods */
    size_t key;         /* … and into keys, for the method that offers them */
    unsigned questions; /* rounds of keyboard-interactive so far */
    bool skip_agent, in_agent;
    struct kiln_agent_relay *relay; /* while the agent is in use */
    int offered;                    /* what the server says it takes: SSH_AUTH_METHOD_… */
    struct kiln_strv tried;         /* method names, for the error */
    const char *way_in;             /* what worked */
    struct kiln_err asked;          /* why a person could not be asked */
    struct kiln_forward *forward;   /* owned; NULL: no agent forwarding */
    int64_t round_trip_us;          /* to the server; 0: unknown, there was no channel yet */
    bool any_window;                /* use all of the server's windows */
};

void kiln_link_free(struct kiln_link *l); /* NULL is fine */
struct pollfd kiln_link_poll(const struct kiln_link *l);
void kiln_link_keep_alive(struct kiln_link *l);
/** Let libssh work on what has come and what can go. False: the connection is gone. */
bool kiln_link_work(struct kiln_link *l, bool *ret_did_something);
/** Set err to what libssh says. False. */
bool kiln_link_error(struct kiln_link *l, struct kiln_err *err);
/** Work, or else wait until there is something to work on, or one of `more` (at most
 *  KILN_CHANNEL_MORE) is ready. */
enum kiln_wait kiln_link_pump(struct kiln_link *l, struct pollfd *more, size_t n,
                              struct kiln_cancel *c, int64_t deadline, struct kiln_err *err);

/* The members of kiln_ssh_ops that live in files of their own. */
struct kiln_ssh_keys *kiln_ssh_keys_new(const struct kiln_ssh_config *cfg, struct kiln_err *err);
void kiln_ssh_keys_free(struct kiln_ssh_keys *keys);
bool kiln_ssh_make_keypair(struct kiln_ssh_keypair *ret, const char *type, int64_t bits,
                           const char *comment, struct kiln_err *err);
enum kiln_login kiln_link_login(struct kiln_link *l, bool may_authenticate, struct kiln_err *err);
enum kiln_rung kiln_link_rung(const struct kiln_link *l, struct kiln_str *detail);
enum kiln_wait kiln_link_channel_pump(struct kiln_channel *ch, struct pollfd *more, size_t n,
                                      struct kiln_cancel *c, int64_t deadline,
                                      struct kiln_err *err);
void kiln_link_channel_resize(struct kiln_channel *ch, int cols, int rows);
struct kiln_channel *kiln_link_channel_open(struct kiln_link *l, const struct kiln_channel_how *how,
                                            struct kiln_cancel *c, int64_t deadline,
                                            bool *ret_refused, struct kiln_err *err);

struct kiln_hub *kiln_link_hub_new(struct kiln_link *link, const struct kiln_ssh_tunnel *tunnels,
                                   size_t n, bool again, struct kiln_cancel *c, int64_t deadline,
                                   struct kiln_err *err);
void kiln_link_hub_free(struct kiln_hub *h);
bool kiln_link_hub_alive(const struct kiln_hub *h);
bool kiln_link_hub_dial(struct kiln_hub *h, const char *host, int port, int *ret_fd,
                        struct kiln_err *err);

/** Agent forwarding. Once enabled, poll (at most KILN_FORWARD_MAX) and work belong to the pump. */
bool kiln_forward_enable(struct kiln_link *l);
size_t kiln_forward_poll(const struct kiln_link *l, struct pollfd *fds);
void kiln_forward_work(struct kiln_link *l);
void kiln_forward_free(struct kiln_link *l); /* after the session */

#endif
