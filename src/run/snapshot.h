/*
 * What a run is like now: of every thing that events tell of, the last event that told of it, in
 * the order in which they came. Whoever reads it from the beginning knows the state, and whoever
 * goes on reading learns what happens; who is slow reads less, because what is out of date is gone.
 * LINE, QEMU and LOG events are not in it.
 *
 * Every entry has a serial number, which grows from entry to entry. One thread.
 */
#ifndef KILN_RUN_SNAPSHOT_H
#define KILN_RUN_SNAPSHOT_H

#include "engine/event.h"

struct kiln_snapshot;

struct kiln_snapshot_entry {
    uint64_t serial; /* from 1 */
    enum kiln_event_type type;
    char *line; /* encoded, with '\n' */
    size_t len;
    char *build; /* FRAME, STOP, PROMPT: whose; else NULL */
    uint64_t key;
};

/** At most so many entries and bytes of lines are kept (0: the defaults); the oldest that a state
 *  can be told without (HTTP, answered prompts …) go first. */
struct kiln_snapshot *kiln_snapshot_new(size_t max_entries, size_t max_bytes);
void kiln_snapshot_free(struct kiln_snapshot *s);

/** line: ev as it was encoded, with '\n'; copied. */
void kiln_snapshot_add(struct kiln_snapshot *s, const struct kiln_event *ev, const char *line,
                       size_t len);
/** The first entry after that serial (0: the first of all); NULL: there is none. Borrowed until the
 *  next add. */
const struct kiln_snapshot_entry *kiln_snapshot_after(const struct kiln_snapshot *s,
                                                      uint64_t serial);
uint64_t kiln_snapshot_last(const struct kiln_snapshot *s); /* serial of the newest; 0: none */
/** Entries up to this serial were dropped for want of room: who has not read that far may have
 *  missed something, and must forget what it knows and begin anew. */
uint64_t kiln_snapshot_lost(const struct kiln_snapshot *s);
/** Add the builds that stand and wait for somebody: at a stop, or at a question. */
void kiln_snapshot_waits(const struct kiln_snapshot *s, struct kiln_strv *builds);
/** Write all but FRAME to a file, whole or not at all. */
bool kiln_snapshot_write(const struct kiln_snapshot *s, const char *path, struct kiln_err *err);

#endif
