#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define LOG_EVERY_US KILN_SECOND(10)
#define ETA_MAX_S    (100 * 3600.0) /* beyond it is no estimate, only a number */
#define MIB          (1024.0 * 1024.0)

static unsigned terminal_width(void)
{
    struct winsize ws;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0 || ws.ws_col < 20)
        return 80;
    return ws.ws_col;
}

/* "12.0 MiB / 40.0 MiB  30 %  8.1 MiB/s  ETA 3s" */
static void describe(const struct kiln_progress_line *p, const struct kiln_event *ev,
                     struct kiln_str *out)
{
    double seconds = (double)(ev->mono_us - p->start_us) / 1e6;
    double moved = (double)(ev->done - p->start_done);
    double rate = seconds > 0.05 ? moved / seconds : 0, left_s;

    kiln_str_addf(out, "%.1f MiB", (double)ev->done / MIB);
    if (ev->total)
        kiln_str_addf(out, " / %.1f MiB  %3.0f %%", (double)ev->total / MIB,
                      100.0 * (double)ev->done / (double)ev->total);
    if (rate > 0)
        kiln_str_addf(out, "  %.1f MiB/s", rate / MIB);
    if (rate <= 0 || ev->total <= ev->done)
        return;
    left_s = (double)(ev->total - ev->done) / rate;
    if (left_s > ETA_MAX_S)
        return;
    kiln_str_adds(out, "  ETA ");
    kiln_duration_format(out, (int64_t)(left_s + 1) * 1000000000);
}

static void begin_if_new(struct kiln_progress_line *p, const struct kiln_event *ev)
{
    char label[sizeof(p->label)];

    (void)snprintf(label, sizeof(label), "%s\n%s", ev->build ? ev->build : "",
                   ev->name ? ev->name : "");
    if (kiln_streq(label, p->label) && ev->done >= p->start_done)
        return;
    memcpy(p->label, label, sizeof(label));
    p->start_us = ev->mono_us;
    p->start_done = ev->done;
    p->printed_us = ev->mono_us;
}

static void draw(struct kiln_progress_line *p, const struct kiln_event *ev, const char *text)
{
    KILN_AUTO_STR line = { 0 };
    unsigned width = terminal_width();
    const char *name = ev->name ? ev->name : "";
    size_t used;
    int bar;

    kiln_str_addf(&line, "    %s: %.40s ", ev->build ? ev->build : "", name);
    used = line.len + strlen(text) + 4;
    bar = used + 10 < width ? (int)(width - used) : 0;
    if (bar > 40)
        bar = 40;
    if (ev->total && bar > 0) {
        int full = (int)((double)bar * (double)ev->done / (double)ev->total);

        kiln_str_addc(&line, '[');
        for (int i = 0; i < bar; i++)
            kiln_str_addc(&line, i < full ? '=' : ' ');
        kiln_str_adds(&line, "] ");
    }
    kiln_str_adds(&line, text);
    kiln_str_truncate(&line, width - 1);
    kiln_progress_clear(p);
    kiln_outlet_write(p->out, line.data, line.len);
    p->drawn = true;
}

bool kiln_progress_update(struct kiln_progress_line *p, const struct kiln_event *ev, bool tty,
                          struct kiln_str *out)
{
    KILN_AUTO_STR text = { 0 };
    bool finished = ev->total && ev->done >= ev->total;

    begin_if_new(p, ev);
    describe(p, ev, &text);
    if (tty) {
        draw(p, ev, kiln_str_cstr(&text));
        if (finished)
            kiln_progress_clear(p);
        return false;
    }
    if (ev->mono_us - p->printed_us < LOG_EVERY_US)
        return false;
    p->printed_us = ev->mono_us;
    kiln_str_addf(out, "%s: %s", ev->name ? ev->name : "", kiln_str_cstr(&text));
    return true;
}

void kiln_progress_clear(struct kiln_progress_line *p)
{
    static const char erase[] = "\r\033[K";

    if (p->drawn)
        kiln_outlet_write(p->out, erase, sizeof(erase) - 1);
    p->drawn = false;
}
