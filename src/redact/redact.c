/*
 * How it is fast: one bit per hash of four bytes says whether any form begins with such bytes.
 * Nearly every position of an ordinary text is done with that one look; the others are compared
 * with the forms that begin with these four bytes, longest first. Forms of less than four bytes
 * (secrets that short; nothing derived) are looked for by their first byte.
 */
#include "redact/redact.h"

#include "redact/redactor.h"

static bool empty(const struct kiln_redactor *r)
{
    return !r || r->n_bytes == 0;
}

static bool passes(const uint64_t *filter, unsigned bits, const unsigned char *p)
{
    uint32_t slot = kiln_redact_slot(p, bits);

    return filter[slot / 64] >> (slot % 64) & 1;
}

/* The first position at or after pos where a form may begin; len if there is none. */
static size_t next_candidate(const struct kiln_redactor *r, const unsigned char *d, size_t pos,
                             size_t len)
{
    const uint64_t *filter = r->filter;
    unsigned bits = r->filter_bits;

    if (r->n_shorts == 0) {
        for (; pos + KILN_REDACT_KEY <= len; pos++) {
            if (passes(filter, bits, d + pos))
                return pos;
        }
    }
    for (; pos + KILN_REDACT_KEY <= len; pos++) {
        if (r->short_starts[d[pos]] || passes(filter, bits, d + pos))
            return pos;
    }
    while (pos < len && !r->starts[d[pos]])
        pos++;
    return pos;
}

/* Index of the first key that is not below `key`. */
static size_t lower_bound(const struct kiln_redactor *r, uint32_t key)
{
    size_t lo = 0, hi = r->n_keys;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (r->keys[mid] < key)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

enum verdict {
    NOTHING,
    SECRET, /* the longest form that stands here */
    WAIT,   /* a longer one may: the text ends too early to tell */
};

/* forms: longest first. */
static enum verdict compare(const struct kiln_redactor *r, const struct kiln_redact_form *forms,
                            size_t n, const unsigned char *d, size_t avail, bool final,
                            size_t *ret_len)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = forms[i].len < avail ? forms[i].len : avail;

        if (memcmp(r->bytes + forms[i].pos, d, len) != 0)
            continue;
        if (len == forms[i].len) {
            *ret_len = len;
            return SECRET;
        }
        if (!final)
            return WAIT;
    }
    return NOTHING;
}

static enum verdict compare_longs(const struct kiln_redactor *r, const unsigned char *d,
                                  size_t avail, bool final, size_t *ret_len)
{
    unsigned char low[KILN_REDACT_KEY] = { 0, 0, 0, 0 },
                  high[KILN_REDACT_KEY] = { 255, 255, 255, 255 };
    size_t i;

    if (avail >= KILN_REDACT_KEY) {
        i = lower_bound(r, kiln_redact_key_of(d));
        if (i == r->n_keys || r->keys[i] != kiln_redact_key_of(d))
            return NOTHING;
        return compare(r, r->forms + r->first[i], r->first[i + 1] - r->first[i], d, avail, final,
                       ret_len);
    }
    memcpy(low, d, avail);
    memcpy(high, d, avail);
    i = lower_bound(r, kiln_redact_key_of(low));
    return !final && i < r->n_keys && r->keys[i] <= kiln_redact_key_of(high) ? WAIT : NOTHING;
}

/* From *pos on: the next place of a form, or where the text must go on before one can tell. */
static enum verdict next_secret(const struct kiln_redactor *r, const unsigned char *d, size_t len,
                                bool final, size_t *pos, size_t *ret_len)
{
    if (empty(r)) {
        *pos = len;
        return NOTHING;
    }
    for (; (*pos = next_candidate(r, d, *pos, len)) < len; (*pos)++) {
        const unsigned char *p = d + *pos;
        size_t avail = len - *pos;
        enum verdict v = compare_longs(r, p, avail, final, ret_len);

        if (v == NOTHING && r->n_shorts)
            v = compare(r, r->forms + r->n_longs, r->n_shorts, p, avail, final, ret_len);
        if (v != NOTHING)
            return v;
    }
    return NOTHING;
}

/*
 * Redact d into out and return how much of it is dealt with: all if final. Bytes up to *covered
 * belong to a <sensitive> that is out already; afterwards it says the same of what is left.
 */
static size_t redact(const struct kiln_redactor *r, const unsigned char *d, size_t len, bool final,
                     size_t *covered, struct kiln_str *out)
{
    size_t pos = 0, done = *covered, found;

    while (next_secret(r, d, len, final, &pos, &found) == SECRET) {
        if (pos >= done) {
            kiln_str_add(out, d + done, pos - done);
            kiln_str_add(out, KILN_REDACTED, strlen(KILN_REDACTED));
        }
        if (done < pos + found)
            done = pos + found;
        pos++;
    }
    if (done < pos) {
        kiln_str_add(out, d + done, pos - done);
        done = pos;
    }
    *covered = done - pos;
    return pos;
}

void kiln_redact_text(const struct kiln_redactor *r, const void *data, size_t len,
                      struct kiln_str *out)
{
    size_t covered = 0;

    (void)redact(r, data, len, true, &covered, out);
}

bool kiln_redact_find(const struct kiln_redactor *r, const void *data, size_t len, size_t from,
                      size_t *ret_start, size_t *ret_len)
{
    size_t pos = from, found;

    if (next_secret(r, data, len, true, &pos, &found) == NOTHING)
        return false;
    *ret_start = pos;
    *ret_len = found;
    return true;
}

void kiln_redact_feed(struct kiln_redact_stream *s, const void *data, size_t len,
                      struct kiln_str *out)
{
    size_t done;

    if (s->held.len) {
        kiln_str_add(&s->held, data, len);
        done =
            redact(s->redactor, (const void *)s->held.data, s->held.len, false, &s->covered, out);
        kiln_str_remove(&s->held, 0, done);
    } else {
        done = redact(s->redactor, data, len, false, &s->covered, out);
        kiln_str_add(&s->held, (const char *)data + done, len - done);
    }
}

void kiln_redact_flush(struct kiln_redact_stream *s, struct kiln_str *out)
{
    (void)redact(s->redactor, (const void *)kiln_str_cstr(&s->held), s->held.len, true, &s->covered,
                 out);
    kiln_str_clear(&s->held);
    s->covered = 0;
}

void kiln_redact_stream_done(struct kiln_redact_stream *s)
{
    kiln_str_done(&s->held);
    s->covered = 0;
}
