/* An event log in memory, written as the engine writes it. */
#ifndef KILN_TESTS_LOG_BED_H
#define KILN_TESTS_LOG_BED_H

#include "unit.h"

#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/str.h"
#include "engine/event.h"

struct log_bed {
    int fd;
    uint64_t size;
    int64_t us; /* of the last event, both clocks */
};

static struct log_bed log_bed_new(void)
{
    /* 2026-11-21 06:22:40 UTC */
    struct log_bed bed = { .fd = memfd_create("log", MFD_CLOEXEC), .us = 1795242160000000 };

    assert_true(bed.fd >= 0);
    return bed;
}

static void log_bed_raw(struct log_bed *bed, const char *data, size_t len)
{
    KILN_AUTO_ERR err = { 0 };

    unit_ok(kiln_fs_write_all(bed->fd, data, len, &err), &err);
    bed->size += len;
}

__attribute__((unused)) static void log_bed_text(struct log_bed *bed, const char *text)
{
    log_bed_raw(bed, text, strlen(text));
}

static void log_bed_event(struct log_bed *bed, struct kiln_event ev)
{
    KILN_AUTO_STR line = { 0 };

    bed->us += 1000000;
    ev.mono_us = ev.wall_us = bed->us;
    kiln_event_encode(&ev, NULL, &line);
    log_bed_raw(bed, line.data, line.len);
}

__attribute__((unused)) static void log_bed_line(struct log_bed *bed, const char *build,
                                                 enum kiln_level level, const char *text)
{
    log_bed_event(bed, (struct kiln_event){ .type = KILN_EV_LINE,
                                            .build = build,
                                            .level = level,
                                            .text = text,
                                            .len = strlen(text) });
}

__attribute__((unused)) static void log_bed_step(struct log_bed *bed, const char *build,
                                                 const char *list, const char *name, const char *to)
{
    log_bed_event(bed,
                  (struct kiln_event){
                      .type = KILN_EV_STEP, .build = build, .id = list, .name = name, .to = to });
}

/* "line 0" … "line n-1", `per` to an event; each ninth says error, as its level does. */
__attribute__((unused)) static void log_bed_many(struct log_bed *bed, unsigned n, unsigned per)
{
    for (unsigned i = 0; i < n;) {
        KILN_AUTO_STR text = { 0 };
        enum kiln_level level = i % 9 == 0 ? KILN_ERRLINE : KILN_OUTPUT;

        for (unsigned k = 0; k < per && i < n; k++, i++)
            kiln_str_addf(&text, "%sline %u%s", k ? "\n" : "", i, i % 9 ? "" : " error");
        log_bed_line(bed, "debian", level, kiln_str_cstr(&text));
    }
}

#endif
