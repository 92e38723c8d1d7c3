#include "ui/duration.h"

#include <inttypes.h>

#include "base/macros.h"

void kiln_duration_short(struct kiln_str *out, int64_t us)
{
    int64_t s = us > 0 ? us / KILN_SECOND(1) : 0;

    if (s >= 3600)
        kiln_str_addf(out, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
    else
        kiln_str_addf(out, "%d:%02d", (int)(s / 60), (int)(s % 60));
}

void kiln_size_short(struct kiln_str *out, double bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t u = 0;

    while (bytes >= 1024 && u + 1 < KILN_COUNT(units)) {
        bytes /= 1024;
        u++;
    }
    kiln_str_addf(out, u == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[u]);
}

const char *kiln_state_word(enum kiln_model_state state)
{
    switch (state) {
    case KILN_MODEL_PENDING:
        return "waiting";
    case KILN_MODEL_RUNNING:
        return "running";
    case KILN_MODEL_STOPPED:
        return "stopped";
    case KILN_MODEL_DONE:
        return "done";
    case KILN_MODEL_FAILED:
        return "failed";
    case KILN_MODEL_CANCELLED:
        return "cancelled";
    case KILN_MODEL_CLEANED:
        return "cleaned up";
    }
    return "";
}

static int64_t between(int64_t start, int64_t end, int64_t now)
{
    if (start == 0)
        return 0;
    return (end ? end : now) - start;
}

int64_t kiln_build_elapsed_us(const struct kiln_model_build *b, int64_t now_us)
{
    return between(b->start_us, b->end_us, now_us);
}

int64_t kiln_step_elapsed_us(const struct kiln_model_step *s, int64_t now_us)
{
    return between(s->start_us, s->end_us, now_us);
}
