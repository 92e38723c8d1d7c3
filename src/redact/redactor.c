#include "redact/redactor.h"

#include "base/limits.h"
#include "base/mem.h"
#include "redact/forms.h"

#define MIN_FILTER_BITS 16 /* 8 KiB: stays in the first-level cache */
#define MAX_FILTER_BITS 20
#define BITS_PER_KEY    64 /* one random position in that many passes the filter */

/* A form while the redactor is being built. */
struct item {
    const unsigned char *s;
    size_t len;
};

static bool is_short(const struct item *it)
{
    return it->len < KILN_REDACT_KEY;
}

/* Long ones first, by key; then longest first; equal ones side by side. */
static int item_order(const void *pa, const void *pb)
{
    const struct item *a = pa, *b = pb;

    if (is_short(a) != is_short(b))
        return is_short(a) ? 1 : -1;
    if (!is_short(a) && kiln_redact_key_of(a->s) != kiln_redact_key_of(b->s))
        return kiln_redact_key_of(a->s) < kiln_redact_key_of(b->s) ? -1 : 1;
    if (a->len != b->len)
        return a->len > b->len ? -1 : 1;
    return memcmp(a->s, b->s, a->len);
}

static size_t drop_repeated(struct item *items, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || item_order(&items[kept - 1], &items[i]) != 0)
            items[kept++] = items[i];
    }
    return kept;
}

static void copy_forms(struct kiln_redactor *r, const struct item *items, size_t n)
{
    size_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += items[i].len;
    r->bytes = kiln_xmalloc(total);
    r->forms = kiln_xcalloc(n, sizeof(*r->forms));
    for (size_t i = 0; i < n; i++) {
        r->forms[i].pos = (uint32_t)r->n_bytes;
        r->forms[i].len = (uint32_t)items[i].len;
        memcpy(r->bytes + r->n_bytes, items[i].s, items[i].len);
        r->n_bytes += items[i].len;
        r->starts[items[i].s[0]] = true;
        if (is_short(&items[i])) {
            r->short_starts[items[i].s[0]] = true;
            r->n_shorts++;
        } else {
            r->n_longs++;
        }
    }
}

static void index_keys(struct kiln_redactor *r)
{
    r->keys = kiln_xcalloc(r->n_longs + 1, sizeof(*r->keys));
    r->first = kiln_xcalloc(r->n_longs + 1, sizeof(*r->first));
    for (size_t i = 0; i < r->n_longs; i++) {
        uint32_t key = kiln_redact_key_of(r->bytes + r->forms[i].pos);

        if (r->n_keys && r->keys[r->n_keys - 1] == key)
            continue;
        r->keys[r->n_keys] = key;
        r->first[r->n_keys++] = (uint32_t)i;
    }
    r->first[r->n_keys] = (uint32_t)r->n_longs;
}

static void fill_filter(struct kiln_redactor *r)
{
    r->filter_bits = MIN_FILTER_BITS;
    while (r->filter_bits < MAX_FILTER_BITS &&
           (size_t)1 << r->filter_bits < r->n_keys * BITS_PER_KEY)
        r->filter_bits++;
    r->filter = kiln_xcalloc(((size_t)1 << r->filter_bits) / 64, sizeof(*r->filter));
    for (size_t i = 0; i < r->n_longs; i++) {
        uint32_t slot = kiln_redact_slot(r->bytes + r->forms[i].pos, r->filter_bits);

        r->filter[slot / 64] |= (uint64_t)1 << (slot % 64);
    }
}

static bool check_sizes(const struct kiln_strv *secrets, struct kiln_err *err)
{
    size_t total = 0;

    KILN_STRV_FOREACH (s, secrets) {
        size_t len = strlen(s);

        if (len > KILN_MAX_SECRET)
            return kiln_err_set(err, KILN_ERR_USER,
                                "a sensitive value has %zu bytes, at most %u can be kept out of "
                                "the output: mark its secret parts as sensitive instead",
                                len, KILN_MAX_SECRET);
        total += len;
    }
    if (total > KILN_MAX_SECRETS)
        return kiln_err_set(err, KILN_ERR_USER,
                            "the sensitive values have %zu bytes together, at most %u can be kept "
                            "out of the output",
                            total, KILN_MAX_SECRETS);
    return true;
}

bool kiln_redactor_build(const struct kiln_strv *secrets, struct kiln_redactor **ret_redactor,
                         struct kiln_err *err)
{
    struct kiln_redactor *r = kiln_xcalloc(1, sizeof(*r));
    KILN_AUTO_FREE struct item *items = NULL;
    KILN_AUTO_STRV forms = { 0 };
    size_t n;

    if (!check_sizes(secrets, err)) {
        free(r);
        return false;
    }
    KILN_STRV_FOREACH (s, secrets) {
        kiln_redact_forms(s, &forms);
    }
    items = kiln_xcalloc(forms.n + 1, sizeof(*items));
    for (size_t i = 0; i < forms.n; i++)
        items[i] = (struct item){ (const void *)forms.v[i], strlen(forms.v[i]) };
    qsort(items, forms.n, sizeof(*items), item_order);
    n = drop_repeated(items, forms.n);
    if (n) {
        copy_forms(r, items, n);
        index_keys(r);
        fill_filter(r);
    }
    *ret_redactor = r;
    return true;
}

void kiln_redactor_free(struct kiln_redactor *r)
{
    if (!r)
        return;
    free(r->bytes);
    free(r->forms);
    free(r->keys);
    free(r->first);
    free(r->filter);
    free(r);
}

void kiln_redactor_freep(struct kiln_redactor **r)
{
    kiln_redactor_free(*r);
    *r = NULL;
}

size_t kiln_redactor_size(const struct kiln_redactor *r)
{
    if (!r)
        return 0;
    return sizeof(*r) + r->n_bytes + (r->n_longs + r->n_shorts) * sizeof(*r->forms) +
           (r->filter ? ((size_t)1 << r->filter_bits) / 8 : 0) +
           2 * (r->n_longs + 1) * sizeof(*r->keys);
}
