/*
 * QEMU's user network accepts connections for a guest that is not there, and a guest that reboots
 * leaves handshakes that hang for a minute. So no attempt is waited for alone: a fresh one starts
 * every second, and the first to get in wins.
 *
 * Two things keep that from doing harm. A guest so slow that a key exchange takes longer than a
 * second would never finish one if old attempts always made room for new ones: at most MAX_TALKING
 * attempts may have a server's attention, and the oldest of them stays until its time is up. And
 * only one attempt at a time authenticates, so that a wrong password is one refused login, not
 * eight.
 */
#include "communicator/ssh_wait.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define MAX_ATTEMPTS    8
#define MAX_TALKING     3 /* attempts that have got a banner */
#define FRESH_EVERY     KILN_SECOND(1)
#define FRESH_BASTION   KILN_SECOND(10) /* it is there, and other people's, too */
#define AFTER_REFUSED   KILN_MS(250)    /* the port is closed: costs next to nothing to ask again */
#define AFTER_SHARED    KILN_SECOND(1)  /* … but others are asked to do it */
#define AFTER_LOST      KILN_MS(500)    /* since the start of an attempt that the server ended */
#define ATTEMPT_LIFE    KILN_SECOND(60) /* Packer's limit for a handshake */
#define AUTH_HEAD_START KILN_SECOND(3)  /* then the next attempt may authenticate, too */
#define AFTER_DENIED    KILN_SECOND(7)  /* Packer's pace, which ssh_handshake_attempts is about */
#define AFTER_LOOKUP    KILN_SECOND(5)
#define FIRST_LOOK      KILN_SECOND(2)
#define LOOK_EVERY      KILN_SECOND(5)
#define REFUSED_WITHIN  KILN_SECOND(5) /* who refuses does it at once; who is not there, never */

#define NOTHING KILN_RUNG_ADDRESS /* below what an attempt can reach */

struct attempt {
    struct kiln_dial *dial; /* while it connects; then NULL */
    struct kiln_link *link;
    int64_t started;
    int64_t auth_started; /* 0: may not yet */
    enum kiln_login state;
    enum kiln_rung rung; /* or NOTHING */
    bool gone;           /* to be swept */
};

struct waiter {
    const struct kiln_ssh_ops *ops;
    const struct kiln_ssh_config *cfg;
    struct kiln_ssh_keys *keys;
    const struct kiln_ssh_watch *watch;
    struct kiln_cancel *cancel;
    int64_t deadline;

    struct kiln_route *route;
    struct attempt attempts[MAX_ATTEMPTS]; /* oldest first */
    size_t n;
    int64_t next_launch;
    int64_t next_auth, last_auth; /* when one may, and did, authenticate */
    int64_t last_denied;
    int64_t denials;
    bool skip_agent; /* in the next attempt */
    struct kiln_link *winner;

    struct kiln_ladder *ladder;       /* the watch's, or own */
    int64_t reached_at[KILN_RUNG__N]; /* start of the last attempt that came so far */
    int64_t next_look;
    struct kiln_err why; /* of the last attempt that ended */
};

static bool talks(const struct attempt *a)
{
    return !a->gone && a->rung >= KILN_RUNG_BANNER;
}

static bool authenticates(const struct waiter *w, const struct attempt *a)
{
    return a->auth_started != 0 && a->state == KILN_LOGIN_BUSY &&
           kiln_cancel_now(w->cancel) - a->auth_started < AUTH_HEAD_START;
}

/* ---- rungs ---- */

static void reached(struct waiter *w, struct attempt *a, enum kiln_rung rung, const char *detail)
{
    if (rung == KILN_RUNG_PORT && w->watch->forwarded)
        return;
    a->rung = rung;
    for (unsigned i = KILN_RUNG_PORT; i <= rung; i++)
        w->reached_at[i] = a->started;
    kiln_ladder_reach(w->ladder, rung, detail);
}

static void look_at_rung(struct waiter *w, struct attempt *a)
{
    KILN_AUTO_STR detail = { 0 };
    enum kiln_rung rung = w->ops->rung(a->link, &detail);

    if (rung > a->rung)
        reached(w, a, rung, kiln_str_cstr(&detail));
}

static bool anybody_at(const struct waiter *w, unsigned rung)
{
    for (size_t i = 0; i < w->n; i++) {
        if (!w->attempts[i].gone && w->attempts[i].rung >= rung)
            return true;
    }
    return false;
}

/* An attempt has ended without getting in. What older ones had reached, and nobody has any more,
 * does not hold any longer. */
static void fell(struct waiter *w, const struct attempt *a)
{
    unsigned rung = a->rung + 1u;

    if (rung == KILN_RUNG_PORT && w->watch->forwarded)
        rung++;
    while (rung <= KILN_RUNG_LOGIN && (w->reached_at[rung] >= a->started || anybody_at(w, rung)))
        rung++;
    if (rung <= KILN_RUNG_LOGIN)
        kiln_ladder_fall(w->ladder, (enum kiln_rung)rung);
}

/* Behind a forwarded port the guest's own network has sent us away: so it has an address. */
static void note_refusal(struct waiter *w, const struct attempt *a)
{
    if (!w->watch->forwarded || a->rung != NOTHING ||
        kiln_cancel_now(w->cancel) - a->started > REFUSED_WITHIN)
        return;
    kiln_ladder_set(w->ladder, KILN_RUNG_PORT, KILN_RUNG_WAITING,
                    "the guest closes the connection at once");
    if (kiln_ladder_state(w->ladder, KILN_RUNG_ADDRESS) != KILN_RUNG_HOLDS)
        kiln_ladder_reach(w->ladder, KILN_RUNG_ADDRESS, "it answers, if only to refuse");
}

/* Those that a wait is about are there from its beginning. */
static void init_rungs(struct waiter *w)
{
    for (unsigned i = KILN_RUNG_PORT; i < KILN_RUNG__N; i++) {
        bool unknown = i == KILN_RUNG_PORT && w->watch->forwarded;

        if (i != KILN_RUNG_HTTP &&
            kiln_ladder_state(w->ladder, (enum kiln_rung)i) == KILN_RUNG_ABSENT)
            kiln_ladder_set(w->ladder, (enum kiln_rung)i,
                            unknown ? KILN_RUNG_UNKNOWN : KILN_RUNG_WAITING, "%s",
                            unknown ? KILN_LADDER_FORWARDED : "");
    }
    kiln_ladder_fall(w->ladder, KILN_RUNG_PORT); /* of a connection before */
}

/* ---- the set of attempts ---- */

static void let_go(struct waiter *w, struct attempt *a)
{
    w->ops->link_free(a->link);
    a->link = NULL;
    kiln_dial_free(a->dial);
    a->dial = NULL;
    a->gone = true;
}

static void drop(struct waiter *w, struct attempt *a)
{
    let_go(w, a);
    fell(w, a);
}

static void sweep(struct waiter *w)
{
    size_t kept = 0;

    for (size_t i = 0; i < w->n; i++) {
        if (!w->attempts[i].gone)
            w->attempts[kept++] = w->attempts[i];
    }
    w->n = kept;
}

/* The oldest that may be dropped; of those that talk, the very oldest is kept. */
static struct attempt *oldest(struct waiter *w, bool talking, const struct attempt *not_this)
{
    bool kept = !talking;

    for (size_t i = 0; i < w->n; i++) {
        struct attempt *a = &w->attempts[i];

        if (a->gone || talks(a) != talking)
            continue;
        if (kept && a != not_this && !authenticates(w, a))
            return a;
        kept = true;
    }
    return NULL;
}

static void limit_talking(struct waiter *w, const struct attempt *newest)
{
    struct attempt *victim;
    size_t talking = 0;

    for (size_t i = 0; i < w->n; i++)
        talking += talks(&w->attempts[i]);
    if (talking > MAX_TALKING && (victim = oldest(w, true, newest)) != NULL)
        drop(w, victim);
}

static bool make_room(struct waiter *w)
{
    struct attempt *victim;

    if (w->n < MAX_ATTEMPTS)
        return true;
    victim = oldest(w, false, NULL);
    if (!victim)
        victim = oldest(w, true, NULL);
    if (victim)
        drop(w, victim);
    sweep(w);
    return w->n < MAX_ATTEMPTS;
}

/* ---- what becomes of an attempt ---- */

static void launch_by(struct waiter *w, int64_t when)
{
    if (when < w->next_launch)
        w->next_launch = when;
}

static void note_why(struct waiter *w, struct kiln_err *why)
{
    if (why->kind != KILN_ERR_NONE)
        kiln_log("ssh: attempt ended: %s", kiln_err_text(why));
    (void)kiln_err_move(&w->why, why);
}

/* A refused login; false when that was one too many. */
static bool denied(struct waiter *w, const struct attempt *a, struct kiln_err *err)
{
    int64_t now = kiln_cancel_now(w->cancel);

    if (w->denials > 0 && a->auth_started < w->last_denied)
        return true; /* began before the last refusal: part of the same try */
    w->denials++;
    w->last_denied = now;
    w->next_auth = w->next_launch = now + AFTER_DENIED;
    if (w->cfg->attempts == 0 || w->denials < w->cfg->attempts)
        return true;
    if (w->cfg->is_bastion)
        return kiln_err_set(err, KILN_ERR_REMOTE,
                            "ssh_bastion_host %s:%d refused the login of '%s': are "
                            "ssh_bastion_username, ssh_bastion_password and "
                            "ssh_bastion_private_key_file right? original error: %s",
                            w->cfg->host, w->cfg->port, w->cfg->user, kiln_err_text(&w->why));
    return kiln_err_set(err, KILN_ERR_REMOTE,
                        "Error waiting for SSH: Packer experienced an authentication error when "
                        "trying to connect via SSH. This can happen if your username/password are "
                        "wrong. You may want to double-check your credentials as part of your "
                        "debugging process. original error: %s",
                        kiln_err_text(&w->why));
}

/* An attempt whose connection is gone. */
static bool failed(struct waiter *w, struct attempt *a, enum kiln_login before,
                   struct kiln_err *err)
{
    int64_t now = kiln_cancel_now(w->cancel), soonest = a->started + AFTER_LOST;
    bool other_ways = w->cfg->password || w->cfg->key_file || w->cfg->key_pem, refused = false;

    if (before == KILN_LOGIN_DENIED) {
        if (now - w->last_denied > FRESH_EVERY) /* the server that refused us goes away */
            w->next_auth = w->next_launch = now;
    } else if (other_ways && w->ops->in_agent(a->link)) {
        w->skip_agent = true; /* its keys may have used up all tries that the server allows */
        launch_by(w, now);
    } else if (a->auth_started != 0 && strstr(kiln_err_text(&w->why), "authentication failures")) {
        refused = true; /* it counts refused keys and passwords, and hangs up: a refused login */
    } else {
        launch_by(w, soonest > now ? soonest : now);
        note_refusal(w, a);
    }
    drop(w, a);
    return !refused || denied(w, a, err);
}

static bool step_link(struct waiter *w, struct attempt *a, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };
    enum kiln_login before = a->state;
    enum kiln_rung rung = a->rung;

    a->state = w->ops->login(a->link, a->auth_started != 0, &why);
    look_at_rung(w, a);
    switch (a->state) {
    case KILN_LOGIN_DONE:
        w->winner = a->link;
        a->link = NULL; /* handed over */
        let_go(w, a);
        return true;
    case KILN_LOGIN_DENIED:
        if (before == KILN_LOGIN_DENIED)
            return true;
        note_why(w, &why);
        return denied(w, a, err);
    case KILN_LOGIN_FAILED:
        if (before != KILN_LOGIN_DENIED)
            note_why(w, &why);
        return failed(w, a, before, err);
    case KILN_LOGIN_BUSY:
    case KILN_LOGIN_READY:
        break;
    }
    if (talks(a) && rung < KILN_RUNG_BANNER)
        limit_talking(w, a);
    return true;
}

static bool start_link(struct waiter *w, struct attempt *a, int fd, struct kiln_err *err)
{
    KILN_AUTO_FREE char *where = kiln_xasprintf("%s:%d", w->cfg->host, w->cfg->port);

    kiln_dial_free(a->dial);
    a->dial = NULL;
    reached(w, a, KILN_RUNG_PORT, where);
    a->link = w->ops->link_new(w->cfg, w->keys, fd, w->cancel, err);
    if (!a->link)
        return false;
    if (w->skip_agent)
        w->ops->skip_agent(a->link);
    w->skip_agent = false; /* it may have been another reason: once only */
    return step_link(w, a, err);
}

static int64_t after_refused(const struct waiter *w)
{
    return kiln_route_is_shared(w->route) ? AFTER_SHARED : AFTER_REFUSED;
}

static bool step_dial(struct waiter *w, struct attempt *a, struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };
    bool hopeless;
    int fd = -1;

    switch (kiln_dial_step(a->dial, &fd, &why)) {
    case KILN_DIAL_BUSY:
        return true;
    case KILN_DIAL_DONE:
        return start_link(w, a, fd, err);
    case KILN_DIAL_FAILED:
        break;
    }
    hopeless = why.kind == KILN_ERR_USER;
    drop(w, a);
    if (hopeless)
        return kiln_err_move(err, &why);
    launch_by(w, kiln_cancel_now(w->cancel) + after_refused(w));
    if (kiln_ladder_state(w->ladder, KILN_RUNG_PORT) != KILN_RUNG_HOLDS)
        kiln_ladder_set(w->ladder, KILN_RUNG_PORT, KILN_RUNG_WAITING, "%s", kiln_err_text(&why));
    note_why(w, &why);
    return true;
}

/* ---- starting ---- */

/* False: no attempt of any kind can succeed. */
static bool launch(struct waiter *w, struct kiln_err *err)
{
    int64_t now = kiln_cancel_now(w->cancel);
    KILN_AUTO_ERR why = { 0 };
    struct attempt *a;

    w->next_launch = now + (w->cfg->is_bastion ? FRESH_BASTION : FRESH_EVERY);
    if (!kiln_route_open(w->route, w->watch, w->cancel, w->deadline, &why, err))
        return false;
    now = kiln_cancel_now(w->cancel);
    if (why.kind != KILN_ERR_NONE) {
        note_why(w, &why);
        w->next_launch = now + AFTER_LOOKUP;
        return true;
    }
    if (!make_room(w))
        return true;
    a = &w->attempts[w->n];
    *a = (struct attempt){ .dial = kiln_dial_new(w->route, &why), .rung = NOTHING, .started = now };
    if (a->dial) {
        kiln_err_clear(&why); /* of another address */
        w->n++;
    } else {
        note_why(w, &why);
        w->next_launch = now + after_refused(w);
    }
    return true;
}

/* Let the newest attempt that has come so far authenticate: an old one may hang for ever. */
static bool grant(struct waiter *w, struct kiln_err *err)
{
    int64_t now = kiln_cancel_now(w->cancel);
    struct attempt *chosen = NULL;

    for (size_t i = 0; i < w->n; i++) {
        struct attempt *a = &w->attempts[i];

        if (authenticates(w, a))
            return true;
        if (!a->gone && a->state == KILN_LOGIN_READY)
            chosen = a;
    }
    if (!chosen || now < w->next_auth)
        return true;
    for (size_t i = 0; i < w->n; i++) {
        if (!w->attempts[i].gone && w->attempts[i].state == KILN_LOGIN_DENIED)
            drop(w, &w->attempts[i]);
    }
    chosen->auth_started = w->last_auth = now;
    return step_link(w, chosen, err);
}

static void expire(struct waiter *w)
{
    int64_t now = kiln_cancel_now(w->cancel);

    for (size_t i = 0; i < w->n; i++) {
        if (!w->attempts[i].gone && now - w->attempts[i].started >= ATTEMPT_LIFE)
            drop(w, &w->attempts[i]);
    }
}

/* ---- the loop ---- */

/* When something is due even if no socket stirs. */
static int64_t wake_at(const struct waiter *w)
{
    int64_t at = w->next_launch < w->deadline ? w->next_launch : w->deadline;
    int64_t auth = w->last_auth + AUTH_HEAD_START;

    at = w->next_look < at ? w->next_look : at;
    if (auth < w->next_auth)
        auth = w->next_auth;
    for (size_t i = 0; i < w->n; i++) {
        int64_t end = w->attempts[i].started + ATTEMPT_LIFE;

        at = end < at ? end : at;
        if (w->attempts[i].state == KILN_LOGIN_READY && auth < at)
            at = auth;
    }
    return at;
}

static const char *bastion_advice(enum kiln_rung best)
{
    if (best == KILN_RUNG__N)
        return "nothing accepted a connection: are its address and ssh_bastion_port right?";
    if (best == KILN_RUNG_PORT)
        return "the port is open, but no SSH server spoke behind it: is ssh_bastion_port right?";
    return "an SSH server answered, but the login did not come to an end";
}

static bool timed_out(struct waiter *w, struct kiln_err *err)
{
    bool bastion = w->cfg->is_bastion;
    KILN_AUTO_STR text = { 0 };

    if (bastion)
        kiln_str_adds(&text, bastion_advice(kiln_ladder_highest(w->ladder, true)));
    else
        kiln_ladder_explain(w->ladder, &text);
    if (w->why.kind != KILN_ERR_NONE)
        kiln_str_addf(&text, "\nThe last attempt ended with: %s", kiln_err_text(&w->why));
    return kiln_err_set(err, KILN_ERR_TIMEOUT, "Timeout waiting for SSH.\n%s%s:%d: %s",
                        bastion ? "ssh_bastion_host " : "", w->cfg->host, w->cfg->port,
                        kiln_str_cstr(&text));
}

static void look_around(struct waiter *w, int64_t now)
{
    if (now < w->next_look)
        return;
    w->watch->look(w->watch->look_ud);
    w->next_look = kiln_cancel_deadline(w->cancel, LOOK_EVERY);
}

static bool guest_died(struct waiter *w, struct kiln_err *err)
{
    if (w->watch->explain)
        w->watch->explain(w->watch->died_ud, err);
    else
        (void)kiln_err_set(err, KILN_ERR_REMOTE, "the guest ended while it was waited for");
    return false;
}

static bool step_ready(struct waiter *w, const struct pollfd *fds, struct kiln_err *err)
{
    for (size_t i = 0; i < w->n && !w->winner; i++) {
        struct attempt *a = &w->attempts[i];
        bool ok = true;

        if (!a->gone && fds[i].revents)
            ok = a->link ? step_link(w, a, err) : step_dial(w, a, err);
        if (!ok)
            return false;
    }
    return w->winner || grant(w, err);
}

static bool wait_once(struct waiter *w, struct kiln_err *err)
{
    struct pollfd fds[MAX_ATTEMPTS + 1];
    KILN_AUTO_ERR why = { 0 };
    size_t n = w->n;

    for (size_t i = 0; i < w->n; i++) {
        const struct attempt *a = &w->attempts[i];

        fds[i] = a->link ? w->ops->link_poll(a->link) : kiln_dial_poll(a->dial);
        fds[i].revents = 0;
    }
    if (w->watch->died_fd >= 0)
        fds[n++] = (struct pollfd){ .fd = w->watch->died_fd, .events = POLLIN };
    switch (kiln_wait_fds(w->cancel, fds, n, wake_at(w), &why)) {
    case KILN_WAIT_READY:
        if (n > w->n && fds[w->n].revents)
            return guest_died(w, err);
        return step_ready(w, fds, err);
    case KILN_WAIT_TIMEOUT:
        return grant(w, err);
    case KILN_WAIT_CANCELLED:
    case KILN_WAIT_ERROR:
        break;
    }
    return kiln_err_move(err, &why);
}

static bool wait_for_winner(struct waiter *w, struct kiln_err *err)
{
    while (!w->winner) {
        int64_t now = kiln_cancel_now(w->cancel);

        if (now >= w->deadline)
            return timed_out(w, err);
        look_around(w, now);
        expire(w);
        sweep(w);
        if (now >= w->next_launch && !launch(w, err))
            return false;
        if (!wait_once(w, err))
            return false;
        sweep(w);
    }
    return true;
}

bool kiln_ssh_wait(struct kiln_link **ret_link, const struct kiln_ssh_ops *ops,
                   struct kiln_route *route, const struct kiln_ssh_config *cfg,
                   struct kiln_ssh_keys *keys, const struct kiln_ssh_watch *watch,
                   struct kiln_cancel *c, struct kiln_err *err)
{
    struct waiter w = {
        .ops = ops,
        .route = route,
        .cfg = cfg,
        .keys = keys,
        .watch = watch,
        .cancel = c,
        .deadline = cfg->timeout_us > 0 ? kiln_cancel_deadline(c, cfg->timeout_us) : KILN_NEVER,
        .next_look = watch->look ? kiln_cancel_deadline(c, FIRST_LOOK) : KILN_NEVER,
    };
    struct kiln_ladder *own = watch->ladder ? NULL : kiln_ladder_new(NULL, NULL);
    bool ok;

    w.ladder = own ? own : watch->ladder;
    kiln_route_refresh(route);
    init_rungs(&w);
    ok = wait_for_winner(&w, err);

    for (size_t i = 0; i < w.n; i++)
        let_go(&w, &w.attempts[i]);
    kiln_ladder_free(own);
    kiln_err_clear(&w.why);
    if (ok)
        *ret_link = w.winner;
    return ok;
}
