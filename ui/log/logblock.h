/* A decoded block of the log: private to the store. */
#ifndef KILN_UI_LOGBLOCK_H
#define KILN_UI_LOGBLOCK_H

#include "ui/log/logsteps.h"
#include "ui/log/logstore.h"

struct kiln_logevent {
    uint64_t offset;
    int64_t wall_us;
    uint16_t build, target; /* names */
    uint8_t level;
};

struct kiln_logentry {
    uint32_t text, len; /* in the arena */
    uint32_t event;
};

struct kiln_logblock {
    uint32_t number;
    bool used;
    bool complete;
    uint64_t size;  /* of the file then, if it is not complete */
    uint64_t stamp; /* of its last use */
    const struct kiln_lognames *names;
    struct kiln_str arena;
    struct kiln_logevent *events;
    size_t n_events, cap_events;
    struct kiln_logentry *lines;
    size_t n_lines, cap_lines;
    uint32_t *shown; /* what a view found */
    uint32_t n_shown, cap_shown;
    uint64_t shown_tag;
};

void kiln_logblock_done(struct kiln_logblock *b);
void kiln_logblock_clear(struct kiln_logblock *b); /* keeps memory */
size_t kiln_logblock_memory(const struct kiln_logblock *b);
/** Add the lines of the events in `raw`, whole lines of the file from byte `offset` on. */
void kiln_logblock_decode(struct kiln_logblock *b, struct kiln_event_box *box,
                          struct kiln_lognames *names, const char *raw, size_t len,
                          uint64_t offset);

#endif
