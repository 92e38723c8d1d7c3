#include "run/dispatch.h"

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "engine/place.h"

/* One command that went to one build or more. */
struct kiln_group {
    struct kiln_group *next;
    struct kiln_caller from;
    size_t left; /* builds that have not replied yet; 0: the client has its reply */
    bool ok;     /* one has obeyed: that is the reply */
    struct kiln_str rest;
    int fd;
};

struct kiln_call {
    int64_t id; /* the worker's reply has it */
    struct kiln_slot *slot;
    struct kiln_group *group;
};

/* ---- replies ---- */

static struct kiln_group *new_group(struct kiln_dispatch *d, const struct kiln_caller *from)
{
    struct kiln_group *g = kiln_xcalloc(1, sizeof(*g));

    g->next = d->groups;
    d->groups = g;
    g->from = *from;
    g->left = 1; /* until all have been asked */
    g->fd = -1;
    return g;
}

/* Forget those that have their reply. */
static void sweep(struct kiln_dispatch *d)
{
    struct kiln_group **at = &d->groups, *g;

    while ((g = *at)) {
        if (g->left > 0) {
            at = &g->next;
            continue;
        }
        *at = g->next;
        kiln_str_done(&g->rest);
        free(g);
    }
}

/* One less to wait for; the last one replies. The first that obeyed speaks for all, else the first.
 */
static void settle(struct kiln_dispatch *d, struct kiln_group *g, bool ok, const char *rest,
                   size_t len, int fd)
{
    if (len > 0 && (g->rest.len == 0 || (ok && !g->ok))) {
        kiln_str_clear(&g->rest);
        kiln_str_add(&g->rest, rest, len);
        kiln_fd_closep(&g->fd);
        g->fd = fd;
        fd = -1;
        g->ok = ok;
    }
    kiln_fd_closep(&fd);
    if (--g->left > 0)
        return;
    if (g->rest.len > 0)
        kiln_listener_pass(d->listener, &g->from, g->rest.data, g->rest.len, g->fd);
    else
        kiln_listener_reply(d->listener, &g->from, "no build is left for this", NULL);
}

/* Without a worker. error NULL: obeyed; text: may be NULL. */
static void settle_here(struct kiln_dispatch *d, struct kiln_group *g, const char *error,
                        const char *text)
{
    KILN_AUTO_STR rest = { 0 };

    kiln_command_encode_reply(error, text, &rest);
    settle(d, g, !error, rest.data, rest.len, -1);
}

/* Take a call off the list. */
static struct kiln_group *take_call(struct kiln_dispatch *d, size_t i)
{
    struct kiln_group *g = d->calls[i].group;

    d->calls[i] = d->calls[--d->n_calls];
    return g;
}

static bool split_reply(const char *line, size_t len, int64_t *ret_id, const char **ret_rest)
{
    static const char head[] = "{\"type\":\"reply\",\"id\":";
    const char *p = line + sizeof(head) - 1, *end = line + len;
    int64_t id = 0;

    if (len < sizeof(head) || memcmp(line, head, sizeof(head) - 1) != 0)
        return false;
    for (; p < end && *p >= '0' && *p <= '9' && id < INT64_MAX / 16; p++)
        id = id * 10 + (*p - '0');
    *ret_id = id;
    *ret_rest = p;
    return true;
}

static bool begins(const char *s, size_t len, const char *prefix)
{
    return len >= strlen(prefix) && memcmp(s, prefix, strlen(prefix)) == 0;
}

bool kiln_dispatch_reply(struct kiln_dispatch *d, struct kiln_slot *slot, const char *line,
                         size_t len)
{
    static const char with_fd[] = ",\"fd\":true}\n";
    const char *rest;
    size_t left;
    int64_t id;
    int fd = -1;

    if (!split_reply(line, len, &id, &rest))
        return false;
    left = len - (size_t)(rest - line);
    if (left >= sizeof(with_fd) &&
        memcmp(line + len - sizeof(with_fd) + 1, with_fd, sizeof(with_fd) - 1) == 0)
        fd = kiln_peer_take_fd(&slot->peer);
    for (size_t i = 0; i < d->n_calls; i++) {
        if (d->calls[i].id == id && d->calls[i].slot == slot) {
            settle(d, take_call(d, i), begins(rest, left, ",\"ok\":true"), rest, left, fd);
            sweep(d);
            return true;
        }
    }
    kiln_fd_closep(&fd);
    return true;
}

void kiln_dispatch_over(struct kiln_dispatch *d, struct kiln_slot *slot)
{
    for (size_t i = d->n_calls; i-- > 0;) {
        if (d->calls[i].slot == slot)
            settle_here(d, take_call(d, i), "the build is over", NULL);
    }
    sweep(d);
}

void kiln_dispatch_done(struct kiln_dispatch *d)
{
    for (size_t i = 0; i < d->n; i++)
        kiln_dispatch_over(d, &d->slots[i]);
    free(d->calls);
    d->calls = NULL;
}

/* ---- to one build ---- */

static void forward(struct kiln_dispatch *d, struct kiln_slot *slot, struct kiln_group *g,
                    const struct kiln_command *cmd)
{
    KILN_AUTO_STR line = { 0 };

    kiln_command_encode_again(cmd, ++d->id, &line);
    if (!kiln_slot_send(slot, line.data, line.len)) {
        settle_here(d, g, "the build is busy; try again", NULL);
        return;
    }
    d->calls = kiln_xrealloc(d->calls, d->n_calls + 1, sizeof(*d->calls));
    d->calls[d->n_calls++] = (struct kiln_call){ d->id, slot, g };
}

static bool same_place(const char *a, const char *b)
{
    struct kiln_place x, y;
    bool same;

    if (!kiln_place_parse(a, &x, NULL))
        return false;
    if (!kiln_place_parse(b, &y, NULL)) {
        kiln_place_done(&x);
        return false;
    }
    same = kiln_place_same(&x, &y);
    kiln_place_done(&x);
    kiln_place_done(&y);
    return same;
}

/* A build that waits gets its breakpoints when it starts. */
static bool set_break(struct kiln_dispatch *d, struct kiln_slot *slot,
                      const struct kiln_command *cmd)
{
    struct kiln_strv now = { 0 };

    if (cmd->args.on && slot->build->breaks.n >= KILN_MAX_BREAKS)
        return false;
    KILN_STRV_FOREACH (spec, &slot->build->breaks) {
        if (!same_place(spec, cmd->text))
            kiln_strv_add(&now, spec);
    }
    if (cmd->args.on)
        kiln_strv_add(&now, cmd->text);
    kiln_strv_done(&slot->build->breaks);
    slot->build->breaks = now;
    d->ops->breaks(d->ud, slot);
    return true;
}

static void ask_waiting(struct kiln_dispatch *d, struct kiln_slot *slot, struct kiln_group *g,
                        const struct kiln_command *cmd)
{
    if (kiln_streq(cmd->name, "break")) {
        if (!set_break(d, slot, cmd)) {
            settle_here(d, g, "there are as many breakpoints as there can be", NULL);
            return;
        }
    } else if (kiln_streq(cmd->name, "cancel"))
        d->ops->cancel(d->ud, slot);
    else {
        settle_here(d, g, "the build has not started yet", NULL);
        return;
    }
    settle_here(d, g, NULL, NULL);
}

/* The template is the supervisor's: no worker is needed. */
static void write_template(struct kiln_dispatch *d, struct kiln_slot *slot, struct kiln_group *g,
                           const struct kiln_command *cmd)
{
    KILN_AUTO_FREE char *text = NULL;
    KILN_AUTO_ERR err = { 0 };

    if (d->ops->write(d->ud, slot, &cmd->args, &text, &err))
        settle_here(d, g, NULL, text);
    else
        settle_here(d, g, kiln_err_text(&err), NULL);
}

static void ask(struct kiln_dispatch *d, struct kiln_slot *slot, struct kiln_group *g,
                const struct kiln_command *cmd)
{
    g->left++;
    if (kiln_streq(cmd->name, "write")) {
        write_template(d, slot, g, cmd);
        return;
    }
    switch (slot->state) {
    case KILN_SLOT_WAITING:
        ask_waiting(d, slot, g, cmd);
        return;
    case KILN_SLOT_OVER:
        settle_here(d, g, "the build is over", NULL);
        return;
    case KILN_SLOT_RUNNING:
        break;
    }
    if (kiln_streq(cmd->name, "cancel")) {
        d->ops->cancel(d->ud, slot);
        settle_here(d, g, NULL, NULL);
        return;
    }
    if (kiln_streq(cmd->name, "screen")) {
        kiln_listener_frames(d->listener, &g->from, slot->build->label, cmd->args.on);
        if (!cmd->args.on) { /* it goes on for others; kiln_dispatch_unwatched tells the worker */
            settle_here(d, g, NULL, NULL);
            return;
        }
    }
    forward(d, slot, g, cmd);
}

/* ---- which builds ---- */

static char *all_labels(const struct kiln_dispatch *d)
{
    KILN_AUTO_STRV labels = { 0 };

    for (size_t i = 0; i < d->n; i++)
        kiln_strv_add(&labels, d->slots[i].build->label);
    return kiln_strv_join(&labels, ", ");
}

static bool is_for(const struct kiln_slot *slot, const struct kiln_command *cmd,
                   const struct kiln_place *place)
{
    if (place && place->build) /* says more than "build", which may only be the one that is shown */
        return kiln_place_is_for(place, slot->build->label);
    return !cmd->build || kiln_streq(slot->build->label, cmd->build);
}

static void ask_all(struct kiln_dispatch *d, const struct kiln_caller *from,
                    const struct kiln_command *cmd, const struct kiln_place *place)
{
    struct kiln_group *g = new_group(d, from);

    for (size_t i = 0; i < d->n; i++) {
        if (is_for(&d->slots[i], cmd, place))
            ask(d, &d->slots[i], g, cmd);
    }
    settle(d, g, false, "", 0, -1);
    sweep(d);
}

static bool check_build(const struct kiln_dispatch *d, const struct kiln_command *cmd,
                        struct kiln_err *err)
{
    KILN_AUTO_FREE char *labels = all_labels(d);

    for (size_t i = 0; i < d->n && cmd->build; i++) {
        if (kiln_streq(d->slots[i].build->label, cmd->build))
            return true;
    }
    if (cmd->build)
        return kiln_err_set(err, KILN_ERR_USER, "no build is called \"%s\"; there are: %s",
                            cmd->build, labels);
    return d->n == 1 || (cmd->flags & KILN_COMMAND_BUILDS) ||
           kiln_err_set(err, KILN_ERR_USER, "\"%s\" wants a \"build\"; there are: %s", cmd->name,
                        labels);
}

static bool run_command(struct kiln_dispatch *d, const struct kiln_caller *from,
                        const struct kiln_command *cmd, struct kiln_err *err)
{
    struct kiln_place place;

    if (!check_build(d, cmd, err))
        return false;
    if (kiln_streq(cmd->name, "cancel") && !cmd->build) {
        d->ops->cancel(d->ud, NULL);
        kiln_listener_reply(d->listener, from, NULL, NULL);
        return true;
    }
    if (!kiln_streq(cmd->name, "break") && !kiln_streq(cmd->name, "run-to")) {
        ask_all(d, from, cmd, NULL);
        return true;
    }
    if (!kiln_place_parse(cmd->text, &place, err))
        return false;
    ask_all(d, from, cmd, &place);
    kiln_place_done(&place);
    return true;
}

void kiln_dispatch_command(struct kiln_dispatch *d, const struct kiln_caller *from,
                           const struct kiln_command *cmd)
{
    KILN_AUTO_ERR err = { 0 };

    if (!run_command(d, from, cmd, &err))
        kiln_listener_reply(d->listener, from, kiln_err_text(&err), NULL);
}

/* Without a reply. build NULL: to all that run. */
static void tell(struct kiln_dispatch *d, const char *command, const char *build)
{
    const struct kiln_request req = { .command = command };
    KILN_AUTO_STR line = { 0 };

    kiln_command_encode(&req, false, 0, &line);
    for (size_t i = 0; i < d->n; i++) {
        if (!build || kiln_streq(d->slots[i].build->label, build))
            (void)kiln_slot_send(&d->slots[i], line.data, line.len);
    }
}

void kiln_dispatch_unwatched(struct kiln_dispatch *d, const char *build)
{
    tell(d, "screen", build); /* not "on" */
}

void kiln_dispatch_released(struct kiln_dispatch *d)
{
    tell(d, "release-keys", NULL);
}
