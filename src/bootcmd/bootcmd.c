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
        const struct kiln_bootcmd_element *el = &cmd->elements[ev->element];
        int64_t lasts = ev->action != KILN_BOOTCMD_PAUSE ? interval
                        : kiln_bootcmd_watches(el)       ? 0
                                                         : el->wait_ns;

        if (ret_at_ns)
            ret_at_ns[i] = now;
        if (__builtin_add_overflow(now, lasts, &now))
            now = INT64_MAX;
    }
    return now;
}

size_t kiln_bootcmd_count_keys(const struct kiln_bootcmd *cmd)
{
    size_t n = 0;

    for (size_t i = 0; i < cmd->n_events; i++)
        n += cmd->events[i].action != KILN_BOOTCMD_PAUSE;
    return n;
}

int64_t kiln_bootcmd_slack(const struct kiln_bootcmd *cmd)
{
    int64_t sum = 0;

    for (size_t i = 0; i < cmd->n_elements; i++) {
        if (kiln_bootcmd_watches(&cmd->elements[i]) &&
            __builtin_add_overflow(sum, cmd->elements[i].wait_ns, &sum))
            return INT64_MAX;
    }
    return sum;
}

void kiln_bootcmd_export(const struct kiln_bootcmd *cmd, size_t start, size_t end,
                         struct kiln_str *out)
{
    for (size_t i = 0; i < cmd->n_elements; i++) {
        const struct kiln_bootcmd_element *el = &cmd->elements[i];

        if (el->start < start || el->start >= end)
            continue;
        if (!kiln_bootcmd_watches(el)) {
            kiln_str_add(out, cmd->text + el->start, el->len);
            continue;
        }
        kiln_str_adds(out, "<wait");
        kiln_duration_format(out, el->wait_ns);
        kiln_str_addc(out, '>');
    }
}

bool kiln_bootcmd_interval(int64_t configured_ns, const char *env, int64_t *ret_ns)
{
    int64_t ns = configured_ns;

    if (configured_ns <= 0 && (!env || !kiln_duration_parse(env, &ns, NULL)))
        return false;
    *ret_ns = ns > 0 ? ns : 0;
    return true;
}
