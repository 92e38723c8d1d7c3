/*
 * Which step ran when: made from the STEP events of a log, in the order of the log. A label or step
 * is a small number here; memory is bounded. One thread.
 */
#ifndef KILN_UI_LOGSTEPS_H
#define KILN_UI_LOGSTEPS_H

#include "engine/event.h"

/* Names, each once; 0 is "". A log with more than fit gets "…" for the rest. */
struct kiln_lognames {
    struct kiln_strv v;
    unsigned last; /* asked for most recently: events come in runs */
};
void kiln_lognames_done(struct kiln_lognames *n);
unsigned kiln_lognames_id(struct kiln_lognames *n, const char *name); /* NULL: 0 */
const char *kiln_lognames_text(const struct kiln_lognames *n, unsigned id);

struct kiln_logsteps;
struct kiln_logsteps *kiln_logsteps_new(void);
void kiln_logsteps_free(struct kiln_logsteps *s);
/** A STEP event at this byte of the log; bytes only grow. */
void kiln_logsteps_add(struct kiln_logsteps *s, unsigned build, uint64_t offset,
                       const struct kiln_event *ev);
/** What ran in that build at that byte: a provisioner rather than the step that runs it; "" none.
 */
const char *kiln_logsteps_at(const struct kiln_logsteps *s, unsigned build, uint64_t offset);

#endif
