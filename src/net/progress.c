#include "net/progress.h"

#include "base/clock.h"
#include "base/macros.h"

static void tell(struct kiln_progress *p, uint64_t done, uint64_t total)
{
    p->told = true;
    p->told_done = done;
    p->fn(p->ud, done, total);
}

void kiln_progress_tick(struct kiln_progress *p, uint64_t done, uint64_t total)
{
    int64_t now;

    if (!p || !p->fn || (p->told && p->told_done == done))
        return;
    now = kiln_clock_mono_us();
    if (now < p->next_us)
        return;
    p->next_us = now + KILN_MS(100);
    tell(p, done, total);
}

void kiln_progress_end(struct kiln_progress *p, uint64_t done, uint64_t total)
{
    if (p && p->fn && !(p->told && p->told_done == done))
        tell(p, done, total);
}
