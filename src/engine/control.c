#include "engine/control.h"

#include <pthread.h>

#include "base/fs.h"
#include "base/mem.h"

struct table {
    const struct kiln_control_command *commands; /* borrowed */
    void *ud;
};

struct kiln_control {
    pthread_mutex_t lock; /* over the rest; held while a handler runs */
    struct table *tables; /* owned; the newest last */
    size_t n;
};

void kiln_control_reply_done(struct kiln_control_reply *reply)
{
    kiln_str_done(&reply->text);
    kiln_fd_closep(&reply->fd);
}

struct kiln_control *kiln_control_new(void)
{
    struct kiln_control *c = kiln_xcalloc(1, sizeof(*c));

    (void)pthread_mutex_init(&c->lock, NULL);
    return c;
}

void kiln_control_free(struct kiln_control *c)
{
    if (!c)
        return;
    (void)pthread_mutex_destroy(&c->lock);
    free(c->tables);
    free(c);
}

void kiln_control_add(struct kiln_control *c, const struct kiln_control_command *commands, void *ud)
{
    if (!c)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->tables = kiln_xrealloc(c->tables, c->n + 1, sizeof(*c->tables));
    c->tables[c->n++] = (struct table){ commands, ud };
    (void)pthread_mutex_unlock(&c->lock);
}

void kiln_control_remove(struct kiln_control *c, const struct kiln_control_command *commands,
                         void *ud)
{
    if (!c)
        return;
    (void)pthread_mutex_lock(&c->lock);
    for (size_t i = c->n; i-- > 0;) {
        if (c->tables[i].commands != commands || c->tables[i].ud != ud)
            continue;
        memmove(c->tables + i, c->tables + i + 1, (--c->n - i) * sizeof(*c->tables));
        break;
    }
    (void)pthread_mutex_unlock(&c->lock);
}

static const struct kiln_control_command *find(const struct kiln_control *c, const char *command,
                                               void **ret_ud)
{
    for (size_t i = c->n; i-- > 0;) {
        for (const struct kiln_control_command *p = c->tables[i].commands; p->name; p++) {
            if (kiln_streq(p->name, command)) {
                *ret_ud = c->tables[i].ud;
                return p;
            }
        }
    }
    return NULL;
}

bool kiln_control_call(struct kiln_control *c, const char *command,
                       const struct kiln_control_args *args, struct kiln_control_reply *reply,
                       struct kiln_err *err)
{
    const struct kiln_control_command *found;
    void *ud = NULL;
    bool ok;

    (void)pthread_mutex_lock(&c->lock);
    found = find(c, command, &ud);
    ok = found ? found->fn(ud, args, reply, err)
               : kiln_err_set(err, KILN_ERR_USER, "\"%s\" is not possible now", command);
    (void)pthread_mutex_unlock(&c->lock);
    return ok;
}
