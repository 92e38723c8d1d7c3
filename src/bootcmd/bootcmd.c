#include "bootcmd/bootcmd.h"

#include "base/clock.h"

void kiln_bootcmd_done(struct kiln_bootcmd *cmd)
{
    free(cmd->text);
    free(cmd->elements);
    free(cmd->events);
    *cmd = (struct kiln_bootcmd){ 0 };
}

int64_t kiln_bootcmd_clock(const struct kiln_bootcmd *cmd, int64_t interval_ns, int64_t *ret_at_ns)
{
    int64_t interval = interval_ns > 0 ? interval_ns : 0, now = 0;

    for (size_t i = 0; i < cmd->n_events; i++) {
        const struct kiln_bootcmd_event *ev = &cmd->events[i];
        int64_t lasts =
            ev->action == KILN_BOOTCMD_PAUSE ? cmd->elements[ev->element].wait_ns : interval;

        if (ret_at_ns)
            ret_at_ns[i] = now;
        if (__builtin_add_overflow(now, lasts, &now))
            now = INT64_MAX;
    }
    return now;
}

int64_t kiln_bootcmd_interval(int64_t configured_ns, const char *env)
{
    int64_t ns = 100 * (int64_t)1000000;

    if (configured_ns > 0)
        return configured_ns;
    if (env)
        (void)kiln_duration_parse(env, &ns, NULL);
    return ns > 0 ? ns : 0;
}
