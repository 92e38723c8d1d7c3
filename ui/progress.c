#include "ui/progress.h"

#include <inttypes.h>

#include "base/macros.h"
#include "ui/duration.h"

#define MIN_BAR 6

static double rate(const struct kiln_model_progress *p)
{
    double seconds = (double)(p->now_us - p->start_us) / 1e6;

    return seconds > 0.2 ? (double)(p->done - p->done_at_start) / seconds : 0;
}

static unsigned percent(const struct kiln_model_progress *p)
{
    return p->done >= p->total ? 100 : (unsigned)(100.0 * (double)p->done / (double)p->total);
}

/* The texts behind the bar, the most telling first. */
static void add_texts(const struct kiln_model_progress *p, struct kiln_strv *texts)
{
    struct kiln_str out = { 0 };
    double per_second = rate(p);

    if (p->total) {
        kiln_strv_addf(texts, "%3u%%", percent(p));
    } else {
        kiln_size_short(&out, (double)p->done);
        kiln_strv_add_take(texts, kiln_str_steal(&out));
    }
    if (per_second <= 0)
        return;
    if (p->total > p->done) {
        kiln_str_adds(&out, "-");
        kiln_duration_short(&out, (int64_t)((double)(p->total - p->done) / per_second * 1e6));
        kiln_strv_add_take(texts, kiln_str_steal(&out));
    }
    kiln_size_short(&out, per_second);
    kiln_str_adds(&out, "/s");
    kiln_strv_add_take(texts, kiln_str_steal(&out));
}

void kiln_progress_draw(const struct kiln_model_progress *p, const struct kiln_area *row, int x,
                        struct kiln_style style)
{
    KILN_AUTO_STRV texts = { 0 };
    KILN_AUTO_STR text = { 0 };
    int room = row->w - x - (p->total ? MIN_BAR : 0), bar;

    add_texts(p, &texts);
    KILN_STRV_FOREACH (s, &texts) {
        if ((int)(text.len + strlen(s) + 1) > room)
            break;
        kiln_str_addf(&text, " %s", s);
    }
    bar = p->total ? row->w - x - (int)text.len : 0;
    for (int i = 0; i < bar; i++) {
        bool full = i < (int)((double)bar * percent(p) / 100.0);

        kiln_area_put(row, x + i, 0, full ? 0x2588 : 0x2591, style);
    }
    kiln_area_text(row, x + (bar > 0 ? bar : 0), 0, kiln_str_cstr(&text), text.len, style);
}
