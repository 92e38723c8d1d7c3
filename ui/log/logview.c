#include "ui/log/logview.h"

#include "base/clock.h"
#include "base/mem.h"

struct kiln_logview {
    struct kiln_logstore *store; /* borrowed */
    struct kiln_logfilter *filter;
    uint64_t tag;     /* of this filter's results with the blocks */
    uint32_t *counts; /* shown lines of a block, or UNKNOWN; not used without a filter */
    uint32_t n_counts;
    uint32_t low, high;    /* all blocks between are counted */
    uint64_t waiting_size; /* the newest block is not whole at this size */
    bool wanted;           /* a walk came to a block that is not counted: go on there */
    bool want_forward;
    uint32_t want;
    struct kiln_str numbers; /* scratch: uint32_t */
};

struct kiln_logview *kiln_logview_new(struct kiln_logstore *s)
{
    struct kiln_logview *v = kiln_xcalloc(1, sizeof(*v));

    v->store = s;
    v->tag = 1;
    return v;
}

void kiln_logview_free(struct kiln_logview *v)
{
    if (!v)
        return;
    kiln_logfilter_free(v->filter);
    free(v->counts);
    kiln_str_done(&v->numbers);
    free(v);
}

void kiln_logview_set_filter(struct kiln_logview *v, struct kiln_logfilter *filter)
{
    kiln_logfilter_free(v->filter);
    v->filter = filter;
    v->tag++;
    free(v->counts);
    v->counts = NULL;
    v->n_counts = 0;
    v->low = v->high = kiln_logstore_blocks(v->store);
    v->waiting_size = 0;
    v->wanted = false;
}

const struct kiln_logfilter *kiln_logview_filter(const struct kiln_logview *v)
{
    return v->filter;
}

/* ---- what of a block is shown ---- */

static uint32_t count_of(const struct kiln_logview *v, uint32_t block)
{
    if (!v->filter)
        return kiln_logstore_count(v->store, block);
    return block < v->n_counts ? v->counts[block] : KILN_LOG_UNKNOWN;
}

static void set_count(struct kiln_logview *v, uint32_t block, uint32_t count)
{
    if (block >= v->n_counts) {
        uint32_t n = kiln_logstore_blocks(v->store);

        n += n / 4 + 16;
        v->counts = kiln_xrealloc(v->counts, n, sizeof(*v->counts));
        for (uint32_t i = v->n_counts; i < n; i++)
            v->counts[i] = KILN_LOG_UNKNOWN;
        v->n_counts = n;
    }
    v->counts[block] = count;
}

/* Can the filter be asked? */
static bool ready(const struct kiln_logview *v, uint32_t block)
{
    return !v->filter || !kiln_logfilter_by_step(v->filter) || kiln_logstore_knows(v->store, block);
}

/* The shown lines of a block: numbers; NULL: all n of them. */
struct shown {
    struct kiln_logblock *block;
    const uint32_t *v;
    uint32_t n;
};

static void look(struct kiln_logview *v, struct kiln_logblock *b)
{
    uint32_t lines = kiln_logblock_lines(b);

    kiln_str_clear(&v->numbers);
    for (uint32_t i = 0; i < lines; i++) {
        struct kiln_logline line;

        kiln_logblock_line(b, i, &line);
        if (kiln_logfilter_match(v->filter, v->store, &line))
            kiln_str_add(&v->numbers, &i, sizeof(i));
    }
    kiln_logblock_set_shown(b, v->tag, (const uint32_t *)(const void *)kiln_str_cstr(&v->numbers),
                            (uint32_t)(v->numbers.len / sizeof(uint32_t)));
}

static struct shown shown_of(struct kiln_logview *v, uint32_t block, bool keep)
{
    struct shown s = { .block = kiln_logstore_block(v->store, block, keep) };

    if (!v->filter) {
        s.n = kiln_logblock_lines(s.block);
        return s;
    }
    s.v = kiln_logblock_shown(s.block, v->tag, &s.n);
    if (!s.v) {
        look(v, s.block);
        s.v = kiln_logblock_shown(s.block, v->tag, &s.n);
    }
    if (kiln_logblock_complete(s.block))
        set_count(v, block, s.n);
    return s;
}

static uint32_t shown_at(const struct shown *s, uint32_t i)
{
    return s->v ? s->v[i] : i;
}

/* How many of them are before this line. */
static uint32_t shown_before(const struct shown *s, uint32_t line)
{
    uint32_t low = 0, high = s->n;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (shown_at(s, mid) < line)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* ---- walking ---- */

static enum kiln_log_answer want(struct kiln_logview *v, uint32_t block, bool forward)
{
    v->wanted = v->filter != NULL;
    v->want = block;
    v->want_forward = forward;
    return KILN_LOG_LATER;
}

/* The nearest shown line of a block at or behind (before) `line`. */
static bool pick(const struct shown *s, uint32_t line, bool forward, uint32_t *ret)
{
    uint32_t i = shown_before(s, line);

    if (forward ? i == s->n : !(i < s->n && shown_at(s, i) == line) && i-- == 0)
        return false;
    *ret = shown_at(s, i);
    return true;
}

/* One step away from `at` within the numbers that a place can have; false: there is none. */
static bool step(struct kiln_logpos *at, bool forward)
{
    if (forward) {
        if (at->line == UINT32_MAX && at->block == UINT32_MAX)
            return false;
        at->block += at->line == UINT32_MAX;
        at->line++;
    } else {
        if (at->line == 0 && at->block == 0)
            return false;
        at->block -= at->line == 0;
        at->line--;
    }
    return true;
}

enum kiln_log_answer kiln_logview_walk(struct kiln_logview *v, struct kiln_logpos from,
                                       bool forward, bool here, int64_t until_us,
                                       struct kiln_logpos *ret)
{
    uint32_t blocks = kiln_logstore_blocks(v->store), looked = 0;

    if ((!here && !step(&from, forward)) || blocks == 0)
        return KILN_LOG_NONE;
    if (!forward && from.block >= blocks)
        from = (struct kiln_logpos){ blocks - 1, UINT32_MAX };
    while (from.block < blocks) {
        uint32_t count = count_of(v, from.block);

        if (count == KILN_LOG_UNKNOWN && (!ready(v, from.block) || /* the first one is free */
                                          (looked++ > 0 && kiln_clock_mono_us() > until_us)))
            return want(v, from.block, forward);
        if (count != 0) {
            struct shown s = shown_of(v, from.block, true);

            if (pick(&s, from.line, forward, &ret->line)) {
                ret->block = from.block;
                return KILN_LOG_FOUND;
            }
        }
        if (!forward && from.block == 0)
            break;
        from.block = forward ? from.block + 1 : from.block - 1;
        from.line = forward ? 0 : UINT32_MAX;
    }
    return KILN_LOG_NONE;
}

enum kiln_log_answer kiln_logview_end(struct kiln_logview *v, bool last, int64_t until_us,
                                      struct kiln_logpos *ret)
{
    struct kiln_logpos from = { 0 };

    if (last)
        from = (struct kiln_logpos){ UINT32_MAX, UINT32_MAX };
    return kiln_logview_walk(v, from, !last, true, until_us, ret);
}

bool kiln_logview_line(struct kiln_logview *v, struct kiln_logpos at, struct kiln_logline *ret)
{
    struct kiln_logblock *b;

    if (at.block >= kiln_logstore_blocks(v->store))
        return false;
    b = kiln_logstore_block(v->store, at.block, true);
    if (at.line >= kiln_logblock_lines(b))
        return false;
    kiln_logblock_line(b, at.line, ret);
    return true;
}

/* ---- counting ---- */

/* Where a walk waits. False: it need not wait any more. */
static bool count_wanted(struct kiln_logview *v, bool *ret_changed)
{
    uint32_t count;

    if (!v->wanted || v->want >= kiln_logstore_blocks(v->store) || !ready(v, v->want))
        return false;
    count = count_of(v, v->want);
    if (count == KILN_LOG_UNKNOWN)
        count = shown_of(v, v->want, false).n;
    if (count > 0 || (!v->want_forward && v->want == 0)) {
        v->wanted = false;
        *ret_changed = true;
    }
    v->want = v->want_forward ? v->want + 1 : v->want - 1;
    return true;
}

/* Newer blocks first, then back to the beginning. False: nothing left for now. */
static bool count_next(struct kiln_logview *v, bool *ret_changed)
{
    uint32_t block;

    if (v->high < kiln_logstore_blocks(v->store) &&
        v->waiting_size != kiln_logstore_size(v->store)) {
        block = v->high;
        if (!ready(v, block))
            return false;
        if (count_of(v, block) == KILN_LOG_UNKNOWN)
            (void)shown_of(v, block, false);
        if (count_of(v, block) == KILN_LOG_UNKNOWN) /* it still grows */
            v->waiting_size = kiln_logstore_size(v->store);
        else
            v->high++;
        return true;
    }
    if (v->low == 0 || !ready(v, v->low - 1))
        return false;
    block = v->low - 1;
    if (count_of(v, block) == KILN_LOG_UNKNOWN)
        (void)shown_of(v, block, false);
    if (count_of(v, block) == KILN_LOG_UNKNOWN)
        v->high = block; /* was the newest when the filter came, and not whole */
    v->low = block;
    *ret_changed |= v->low == 0;
    return true;
}

bool kiln_logview_work(struct kiln_logview *v, int64_t until_us, bool *ret_changed)
{
    if (!v->filter)
        return false;
    do {
        if (!count_wanted(v, ret_changed) && !count_next(v, ret_changed))
            return false;
    } while (kiln_clock_mono_us() < until_us);
    return true;
}

/* Blocks that still grow are never counted, and there are few of them: those are looked at. */
static bool sum(struct kiln_logview *v, uint32_t blocks, uint64_t *ret)
{
    bool exact = true;

    *ret = 0;
    for (uint32_t i = 0; i < blocks; i++) {
        uint32_t count = count_of(v, i);

        if (count != KILN_LOG_UNKNOWN)
            *ret += count;
        else if (exact && ready(v, i) &&
                 (v->filter ? v->low == 0 && v->waiting_size == kiln_logstore_size(v->store)
                            : kiln_logstore_knows(v->store, i)))
            *ret += shown_of(v, i, true).n;
        else
            exact = false;
    }
    return exact;
}

bool kiln_logview_number(struct kiln_logview *v, struct kiln_logpos at, uint64_t *ret)
{
    struct shown s;

    if (at.block >= kiln_logstore_blocks(v->store) || !ready(v, at.block) || !sum(v, at.block, ret))
        return false;
    s = shown_of(v, at.block, true);
    *ret += shown_before(&s, at.line);
    return true;
}

bool kiln_logview_total(struct kiln_logview *v, uint64_t *ret)
{
    return sum(v, kiln_logstore_blocks(v->store), ret);
}

/* ---- searching ---- */

/* The first (or last) match among the shown lines i, low <= i < high. */
static bool search_block(const struct shown *s, struct kiln_regex *re, uint32_t low, uint32_t high,
                         bool forward, uint32_t *ret_line)
{
    while (low < high) {
        uint32_t at = shown_at(s, forward ? low++ : --high);
        struct kiln_logline line;
        size_t start, end;

        kiln_logblock_line(s->block, at, &line);
        if (kiln_regex_find(re, line.text, line.len, 0, &start, &end)) {
            *ret_line = at;
            return true;
        }
    }
    return false;
}

/* The part of the block that is to be looked at: the one it begins in is looked at twice, the part
 * behind the beginning first, the rest, with the line itself, last. */
static bool search_part(const struct kiln_logsearch *search, const struct shown *s,
                        struct kiln_regex *re, uint32_t *ret_line)
{
    uint32_t low = 0, high = s->n, split;

    if (search->block == search->from.block) {
        split = shown_before(s, search->from.line +
                                    (search->forward && search->from.line < UINT32_MAX));
        if (search->forward == search->wrapped)
            high = split;
        else
            low = split;
    }
    return search_block(s, re, low, high, search->forward, ret_line);
}

/* False: everything was looked at. */
static bool search_next_block(struct kiln_logsearch *search, uint32_t blocks)
{
    if (search->wrapped && search->block == search->from.block)
        return false;
    if (search->forward) {
        search->wrapped |= search->block + 1 >= blocks;
        search->block = search->block + 1 >= blocks ? 0 : search->block + 1;
    } else {
        search->wrapped |= search->block == 0;
        search->block = search->block == 0 ? blocks - 1 : search->block - 1;
    }
    return true;
}

enum kiln_log_answer kiln_logview_search(struct kiln_logview *v, struct kiln_logsearch *search,
                                         struct kiln_regex *re, int64_t until_us,
                                         struct kiln_logpos *ret)
{
    uint32_t blocks = kiln_logstore_blocks(v->store);

    if (blocks == 0)
        return KILN_LOG_NONE;
    if (!search->begun) {
        if (search->from.block >= blocks)
            search->from = (struct kiln_logpos){ blocks - 1, UINT32_MAX };
        search->block = search->from.block;
        search->begun = true;
    }
    do {
        if (!ready(v, search->block))
            return KILN_LOG_LATER;
        if (count_of(v, search->block) != 0) {
            struct shown s = shown_of(v, search->block, false);

            if (search_part(search, &s, re, &ret->line)) {
                ret->block = search->block;
                return KILN_LOG_FOUND;
            }
        }
        if (kiln_regex_given_up(re) || !search_next_block(search, blocks))
            return KILN_LOG_NONE;
    } while (kiln_clock_mono_us() < until_us);
    return KILN_LOG_LATER;
}
