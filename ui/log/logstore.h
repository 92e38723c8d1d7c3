/*
 * The event log of a run, seen as its lines, in bounded memory whatever its size.
 *
 * The file is divided into blocks of KILN_LOG_BLOCK bytes. A block has the lines of those events
 * that begin in it, so every block can be decoded alone, the last one first. A line's place is its
 * block and its number in it; places never change, for the log only grows. Decoded blocks are kept
 * in a small cache.
 *
 * Beside that an index is built from the front, in slices (kiln_logstore_work): how many lines each
 * block has, and where steps begin and end. Nothing waits for it: until it is there, line numbers
 * and steps are not known.
 *
 * The file is not trusted: what is no event, a line without an end, a file that shrinks, all of it
 * only means fewer lines. One thread.
 */
#ifndef KILN_UI_LOGSTORE_H
#define KILN_UI_LOGSTORE_H

#include "engine/event.h"

#define KILN_LOG_BLOCK   (64u << 10)
#define KILN_LOG_DEBUG   (KILN_PLAIN + 1) /* level of debug log lines */
#define KILN_LOG_LEVELS  (KILN_LOG_DEBUG + 1)
#define KILN_LOG_UNKNOWN UINT32_MAX

extern const char *const kiln_log_level_words[KILN_LOG_LEVELS]; /* "say", "error" … */

struct kiln_logpos {
    uint32_t block, line;
};
int kiln_logpos_compare(struct kiln_logpos a, struct kiln_logpos b); /* < 0, 0, > 0 */

/* One line. Text: valid UTF-8 without control characters but tabs (kiln_logscan_clean), so that
 * what is searched, shown and saved is the same; not NUL-terminated. */
struct kiln_logline {
    const char *text;
    size_t len;
    int64_t wall_us;
    unsigned level;     /* enum kiln_level or KILN_LOG_DEBUG */
    const char *build;  /* label; "" the run itself */
    const char *target; /* who says it: the label, "label (post-processor)", or "" */
    unsigned build_id;  /* the same for the same label; 0: the run itself */
    uint64_t offset;    /* of its event in the file */
};

struct kiln_logblock; /* decoded */

struct kiln_logstore;

/** @fd borrowed; read with pread only. Size 0 until kiln_logstore_grown. */
struct kiln_logstore *kiln_logstore_new(int fd);
void kiln_logstore_free(struct kiln_logstore *s);
/** The file has (at least) this many bytes. */
void kiln_logstore_grown(struct kiln_logstore *s, uint64_t size);
uint64_t kiln_logstore_size(const struct kiln_logstore *s);
uint32_t kiln_logstore_blocks(const struct kiln_logstore *s);

/** More of the index, until `until_us` (monotonic) has passed. True: there is more to do. */
bool kiln_logstore_work(struct kiln_logstore *s, int64_t until_us);
/** Are the steps of a block's lines known? */
bool kiln_logstore_knows(const struct kiln_logstore *s, uint32_t block);
/** Lines of a block as the index counted them; UNKNOWN if it was not there yet. */
uint32_t kiln_logstore_count(const struct kiln_logstore *s, uint32_t block);

/**
 * Decode a block (below kiln_logstore_blocks). @keep: it will be wanted again; else it goes into a
 * slot of its own and leaves the cache alone. Borrowed until the next call. Never NULL; a block
 * that cannot be read is empty.
 */
struct kiln_logblock *kiln_logstore_block(struct kiln_logstore *s, uint32_t block, bool keep);
uint32_t kiln_logblock_lines(const struct kiln_logblock *b);
/** False while its last event is still being written. */
bool kiln_logblock_complete(const struct kiln_logblock *b);
/** i < lines. Borrows from the block and the store. */
void kiln_logblock_line(const struct kiln_logblock *b, uint32_t i, struct kiln_logline *ret);
/** What a view found in this block (numbers of lines, ascending), kept as long as the block is.
 *  @tag, never 0, tells whose it is; NULL: that view's is not there. */
void kiln_logblock_set_shown(struct kiln_logblock *b, uint64_t tag, const uint32_t *v, uint32_t n);
const uint32_t *kiln_logblock_shown(const struct kiln_logblock *b, uint64_t tag, uint32_t *ret_n);

/** The provisioner, step or post-processor that ran in the line's build then; "" if none or not
 *  known (yet). */
const char *kiln_logstore_step(const struct kiln_logstore *s, const struct kiln_logline *line);

#endif
