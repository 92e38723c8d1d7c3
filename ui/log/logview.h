/*
 * The lines of a log that a filter shows, to walk and search in. What is asked for is worked out
 * when it is asked for, from wherever one stands; in the background (kiln_logview_work) the lines
 * of every block are counted, the newest first, so that walking can step over blocks without any.
 * Nothing takes much longer than the time it is given: then the answer is LATER. One thread.
 */
#ifndef KILN_UI_LOGVIEW_H
#define KILN_UI_LOGVIEW_H

#include "base/regex.h"
#include "ui/log/logfilter.h"
#include "ui/log/logstore.h"

struct kiln_logview;

enum kiln_log_answer {
    KILN_LOG_FOUND,
    KILN_LOG_NONE,  /* there is no such line */
    KILN_LOG_LATER, /* not known in that time; kiln_logview_work goes on where it was needed */
};

struct kiln_logview *kiln_logview_new(struct kiln_logstore *s); /* borrowed; shows all lines */
void kiln_logview_free(struct kiln_logview *v);
void kiln_logview_set_filter(struct kiln_logview *v, struct kiln_logfilter *filter); /* takes */
const struct kiln_logfilter *kiln_logview_filter(const struct kiln_logview *v); /* NULL: none */

/**
 * The next shown line behind (forward) or before `from`; with `here`, `from` itself if it is shown.
 * `from` need not be a line. @until_us: monotonic.
 */
enum kiln_log_answer kiln_logview_walk(struct kiln_logview *v, struct kiln_logpos from,
                                       bool forward, bool here, int64_t until_us,
                                       struct kiln_logpos *ret);
/** The first, the last shown line. */
enum kiln_log_answer kiln_logview_end(struct kiln_logview *v, bool last, int64_t until_us,
                                      struct kiln_logpos *ret);
/** False if there is no such line. Borrowed until the next call of anything here. */
bool kiln_logview_line(struct kiln_logview *v, struct kiln_logpos at, struct kiln_logline *ret);

/** Count; true: there is more to do. *ret_changed: walks may get further than before. */
bool kiln_logview_work(struct kiln_logview *v, int64_t until_us, bool *ret_changed);
/** How many shown lines there are before `at`; false: not known yet. */
bool kiln_logview_number(struct kiln_logview *v, struct kiln_logpos at, uint64_t *ret);
/** How many there are; false: as many as were counted so far. */
bool kiln_logview_total(struct kiln_logview *v, uint64_t *ret);

/* A search in slices. Begin with { .from, .forward }. */
struct kiln_logsearch {
    struct kiln_logpos from; /* the line where it begins, looked at last */
    bool forward;
    bool begun, wrapped;
    uint32_t block;
};
enum kiln_log_answer kiln_logview_search(struct kiln_logview *v, struct kiln_logsearch *search,
                                         struct kiln_regex *re, int64_t until_us,
                                         struct kiln_logpos *ret);

#endif
