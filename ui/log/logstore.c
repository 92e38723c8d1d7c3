#include "ui/log/logstore.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "ui/log/logblock.h"
#include "ui/log/logscan.h"

#define CACHE_SLOTS 64
#define CACHE_MIN   4 /* blocks that are kept whatever they take */
#define CACHE_BYTES ((size_t)4 << 20)
#define READ_MORE   ((size_t)64 << 10)

const char *const kiln_log_level_words[KILN_LOG_LEVELS] = {
    [KILN_SAY] = "say",       [KILN_MESSAGE] = "message", [KILN_ERRLINE] = "error",
    [KILN_OUTPUT] = "output", [KILN_PLAIN] = "plain",     [KILN_LOG_DEBUG] = "debug",
};

struct kiln_logstore {
    int fd; /* borrowed */
    uint64_t size;
    struct kiln_lognames names; /* labels and targets */
    struct kiln_event_box box;
    struct kiln_str raw; /* the block being read */

    struct kiln_logblock slots[CACHE_SLOTS], passing; /* passing: not to be kept */
    size_t n_slots;
    uint64_t clock; /* of uses */

    uint32_t *counts;      /* lines of each block */
    size_t n_counts;       /* blocks */
    uint32_t indexed;      /* blocks whose count is whole */
    uint64_t index_offset; /* events before this byte are in the index */
    uint64_t waiting_size; /* the index wants the file to be larger than this */
    struct kiln_logsteps *steps;
};

int kiln_logpos_compare(struct kiln_logpos a, struct kiln_logpos b)
{
    if (a.block != b.block)
        return a.block < b.block ? -1 : 1;
    return a.line < b.line ? -1 : a.line > b.line;
}

struct kiln_logstore *kiln_logstore_new(int fd)
{
    struct kiln_logstore *s = kiln_xcalloc(1, sizeof(*s));

    s->fd = fd;
    s->steps = kiln_logsteps_new();
    return s;
}

void kiln_logstore_free(struct kiln_logstore *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_slots; i++)
        kiln_logblock_done(&s->slots[i]);
    kiln_logblock_done(&s->passing);
    kiln_lognames_done(&s->names);
    kiln_event_box_done(&s->box);
    kiln_str_done(&s->raw);
    kiln_logsteps_free(s->steps);
    free(s->counts);
    free(s);
}

void kiln_logstore_grown(struct kiln_logstore *s, uint64_t size)
{
    if (size > s->size)
        s->size = size;
}

uint64_t kiln_logstore_size(const struct kiln_logstore *s)
{
    return s->size;
}

uint32_t kiln_logstore_blocks(const struct kiln_logstore *s)
{
    uint64_t n = s->size / KILN_LOG_BLOCK + (s->size % KILN_LOG_BLOCK != 0);

    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX; /* 256 TiB */
}

/* ---- reading ---- */

/* Up to n bytes of the file at `offset` behind what raw has; how many there were. */
static size_t read_more(struct kiln_logstore *s, uint64_t offset, size_t n)
{
    char *to = kiln_str_space(&s->raw, n);
    size_t done = 0;

    while (to && done < n) {
        ssize_t got = pread(s->fd, to + done, n - done, (off_t)(offset + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    kiln_str_commit(&s->raw, done);
    return done;
}

/* raw ends inside a line that begins at `last` of it. Read on to that line's end; false: the file
 * ends first. A line that is too long for an event is left out. */
static bool read_line_end(struct kiln_logstore *s, uint64_t from, size_t last)
{
    while (s->raw.len - last <= KILN_MAX_EVENT) {
        size_t had = s->raw.len;
        uint64_t at = from + had;
        size_t n = at >= s->size              ? 0
                   : s->size - at < READ_MORE ? (size_t)(s->size - at)
                                              : READ_MORE;
        size_t got = n ? read_more(s, at, n) : 0;
        const char *nl = got ? memchr(s->raw.data + had, '\n', got) : NULL;

        if (nl) {
            kiln_str_truncate(&s->raw, (size_t)(nl - s->raw.data) + 1);
            return true;
        }
        if (got == 0) {
            kiln_str_truncate(&s->raw, last);
            return false;
        }
    }
    kiln_str_truncate(&s->raw, last);
    return true;
}

/* Where the first line of what was read begins. */
static size_t first_line(const struct kiln_logstore *s, uint32_t block)
{
    const char *nl;

    if (block == 0)
        return 0;
    nl = s->raw.len ? memchr(s->raw.data, '\n', s->raw.len) : NULL;
    return nl ? (size_t)(nl - s->raw.data) + 1 : s->raw.len;
}

/* The whole lines that begin in a block. */
struct lines {
    const char *p;
    size_t len;
    uint64_t offset;
    bool complete; /* growth of the file does not change this */
};

/* One byte before the block tells whether a line begins with it. */
static struct lines load(struct kiln_logstore *s, uint32_t block)
{
    uint64_t begin = (uint64_t)block * KILN_LOG_BLOCK, from = begin ? begin - 1 : 0;
    uint64_t end = begin + KILN_LOG_BLOCK < s->size ? begin + KILN_LOG_BLOCK : s->size;
    size_t wanted = end > from ? (size_t)(end - from) : 0, first, last;
    struct lines lines = { .p = "" };

    kiln_str_clear(&s->raw);
    lines.complete = read_more(s, from, wanted) == wanted && end == begin + KILN_LOG_BLOCK;
    first = first_line(s, block);
    if (first < s->raw.len && s->raw.data[s->raw.len - 1] != '\n') {
        const char *nl = memrchr(s->raw.data, '\n', s->raw.len);

        last = nl ? (size_t)(nl - s->raw.data) + 1 : 0;
        if (!lines.complete)
            kiln_str_truncate(&s->raw, last);
        else
            lines.complete = read_line_end(s, from, last);
    }
    if (first < s->raw.len) {
        lines.p = s->raw.data + first;
        lines.len = s->raw.len - first;
    }
    lines.offset = from + first;
    return lines;
}

/* ---- the cache ---- */

static struct kiln_logblock *cached(struct kiln_logstore *s, uint32_t block)
{
    for (size_t i = 0; i < s->n_slots; i++) {
        if (s->slots[i].used && s->slots[i].number == block)
            return &s->slots[i];
    }
    return s->passing.used && s->passing.number == block ? &s->passing : NULL;
}

static struct kiln_logblock *oldest(struct kiln_logstore *s)
{
    struct kiln_logblock *b = &s->slots[0];

    for (size_t i = 1; i < s->n_slots; i++) {
        if (s->slots[i].stamp < b->stamp)
            b = &s->slots[i];
    }
    return b;
}

/* A slot to decode into: a new one while there is room, else the one not used for longest. */
static struct kiln_logblock *take_slot(struct kiln_logstore *s)
{
    size_t bytes = 0;
    struct kiln_logblock *b;

    for (size_t i = 0; i < s->n_slots; i++)
        bytes += kiln_logblock_memory(&s->slots[i]);
    while (bytes > CACHE_BYTES && s->n_slots > CACHE_MIN) {
        b = oldest(s);
        bytes -= kiln_logblock_memory(b);
        kiln_logblock_done(b);
        *b = s->slots[--s->n_slots];
        memset(&s->slots[s->n_slots], 0, sizeof(*b));
    }
    if (s->n_slots < CACHE_SLOTS && bytes < CACHE_BYTES)
        return &s->slots[s->n_slots++];
    b = oldest(s);
    if (kiln_logblock_memory(b) > CACHE_BYTES / CACHE_MIN) /* it was a monster: give it back */
        kiln_logblock_done(b);
    return b;
}

static void decode(struct kiln_logstore *s, struct kiln_logblock *b, uint32_t block)
{
    struct lines lines = load(s, block);

    kiln_logblock_clear(b);
    kiln_logblock_decode(b, &s->box, &s->names, lines.p, lines.len, lines.offset);
    b->number = block;
    b->used = true;
    b->complete = lines.complete;
    b->size = s->size;
}

struct kiln_logblock *kiln_logstore_block(struct kiln_logstore *s, uint32_t block, bool keep)
{
    struct kiln_logblock *b = cached(s, block);

    if (!b || (b == &s->passing && keep)) {
        b = keep ? take_slot(s) : &s->passing;
        decode(s, b, block);
    } else if (!b->complete && b->size != s->size) {
        decode(s, b, block);
    }
    b->stamp = ++s->clock;
    return b;
}

/* ---- the index ---- */

static void index_step(struct kiln_logstore *s, const char *event, size_t len, uint64_t offset)
{
    if (kiln_event_decode(&s->box, event, len, NULL))
        kiln_logsteps_add(s->steps, kiln_lognames_id(&s->names, s->box.ev.build), offset,
                          &s->box.ev);
}

static void index_lines(struct kiln_logstore *s, const struct lines *lines, uint32_t *count)
{
    const char *p = lines->p, *end = p + lines->len, *nl;

    if (s->index_offset > lines->offset) /* a part of them is known from before */
        p += s->index_offset - lines->offset < lines->len ? s->index_offset - lines->offset
                                                          : lines->len;
    for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
        size_t n = (size_t)(nl - p);

        switch (kiln_logscan_type(p, n)) {
        case KILN_LOGSCAN_LINES:
            *count += kiln_logscan_count(p, n);
            break;
        case KILN_LOGSCAN_STEP:
            index_step(s, p, n, lines->offset + (uint64_t)(p - lines->p));
            break;
        case KILN_LOGSCAN_OTHER:
            break;
        }
    }
    if (lines->offset + lines->len > s->index_offset)
        s->index_offset = lines->offset + lines->len;
}

static bool index_block(struct kiln_logstore *s)
{
    struct lines lines;

    if (s->indexed >= s->n_counts) {
        size_t n = s->n_counts ? s->n_counts * 2 : 64;

        s->counts = kiln_xrealloc(s->counts, n, sizeof(*s->counts));
        memset(s->counts + s->n_counts, 0, (n - s->n_counts) * sizeof(*s->counts));
        s->n_counts = n;
    }
    lines = load(s, s->indexed);
    index_lines(s, &lines, &s->counts[s->indexed]);
    s->indexed += lines.complete;
    return lines.complete;
}

bool kiln_logstore_work(struct kiln_logstore *s, int64_t until_us)
{
    if (s->waiting_size == s->size)
        return false;
    do {
        if (s->indexed >= kiln_logstore_blocks(s) || !index_block(s)) {
            s->waiting_size = s->size;
            return false;
        }
    } while (kiln_clock_mono_us() < until_us);
    return true;
}

bool kiln_logstore_knows(const struct kiln_logstore *s, uint32_t block)
{
    return block < s->indexed || s->waiting_size == s->size;
}

uint32_t kiln_logstore_count(const struct kiln_logstore *s, uint32_t block)
{
    return block < s->indexed ? s->counts[block] : KILN_LOG_UNKNOWN;
}

const char *kiln_logstore_step(const struct kiln_logstore *s, const struct kiln_logline *line)
{
    return kiln_logsteps_at(s->steps, line->build_id, line->offset);
}
