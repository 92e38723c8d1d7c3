#include "base/str.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"

/* Make room for `more` bytes and the NUL; false once the maximum or memory is exhausted. */
static bool grow(struct kiln_str *s, size_t more)
{
    size_t max = s->max ? s->max : KILN_STR_DEFAULT_MAX;
    size_t need, cap;
    char *data;

    if (s->failed)
        return false;
    if (s->len > max || more > max - s->len) {
        s->failed = true;
        return false;
    }
    need = s->len + more + 1;
    if (need <= s->cap)
        return true;
    cap = s->cap < 32 ? 32 : s->cap * 2;
    if (cap > max + 1)
        cap = max + 1;
    if (cap < need)
        cap = need;
    data = realloc(s->data, cap);
    if (!data) {
        s->failed = true;
        return false;
    }
    s->data = data;
    s->cap = cap;
    return true;
}

void kiln_str_done(struct kiln_str *s)
{
    free(s->data);
    *s = (struct kiln_str){ 0 };
}

void kiln_str_clear(struct kiln_str *s)
{
    s->len = 0;
    s->failed = false;
    if (s->data)
        s->data[0] = '\0';
}

void *kiln_str_space(struct kiln_str *s, size_t n)
{
    if (!grow(s, n))
        return NULL;
    s->data[s->len] = '\0'; /* text even if nothing is committed */
    return s->data + s->len;
}

void kiln_str_commit(struct kiln_str *s, size_t n)
{
    assert(s->data && n < s->cap - s->len);
    s->len += n;
    s->data[s->len] = '\0';
}

void kiln_str_add(struct kiln_str *s, const void *data, size_t len)
{
    if (!grow(s, len))
        return;
    if (len)
        memcpy(s->data + s->len, data, len);
    s->len += len;
    s->data[s->len] = '\0';
}

void kiln_str_adds(struct kiln_str *s, const char *cstr)
{
    if (cstr)
        kiln_str_add(s, cstr, strlen(cstr));
}

void kiln_str_addc(struct kiln_str *s, char c)
{
    kiln_str_add(s, &c, 1);
}

void kiln_str_addf(struct kiln_str *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    kiln_str_addvf(s, fmt, ap);
    va_end(ap);
}

void kiln_str_addvf(struct kiln_str *s, const char *fmt, va_list ap)
{
    size_t room = s->cap > s->len ? s->cap - s->len : 0;
    va_list again;
    int n;

    if (s->failed)
        return;
    va_copy(again, ap);
    n = vsnprintf(room ? s->data + s->len : NULL, room, fmt, again);
    va_end(again);
    if (n < 0) {
        s->failed = true;
    } else if (grow(s, (size_t)n)) {
        if ((size_t)n >= room)
            (void)vsnprintf(s->data + s->len, (size_t)n + 1, fmt, ap);
        s->len += (size_t)n;
    }
    if (s->failed && s->data) /* vsnprintf may have left half a text behind the end */
        s->data[s->len] = '\0';
}

size_t kiln_utf8_encode(char *b, unsigned cp)
{
    size_t n;

    if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        cp = 0xfffd;
    if (cp < 0x80) {
        b[0] = (char)cp;
        n = 1;
    } else if (cp < 0x800) {
        b[0] = (char)(0xc0 | cp >> 6);
        n = 2;
    } else if (cp < 0x10000) {
        b[0] = (char)(0xe0 | cp >> 12);
        n = 3;
    } else {
        b[0] = (char)(0xf0 | cp >> 18);
        n = 4;
    }
    for (size_t i = 1; i < n; i++)
        b[i] = (char)(0x80 | (cp >> 6 * (n - 1 - i) & 0x3f));
    return n;
}

void kiln_str_add_utf8(struct kiln_str *s, unsigned cp)
{
    char b[4];

    kiln_str_add(s, b, kiln_utf8_encode(b, cp));
}

void kiln_str_remove(struct kiln_str *s, size_t pos, size_t n)
{
    if (pos >= s->len)
        return;
    if (n > s->len - pos)
        n = s->len - pos;
    memmove(s->data + pos, s->data + pos + n, s->len - pos - n + 1);
    s->len -= n;
}

void kiln_str_truncate(struct kiln_str *s, size_t len)
{
    if (len >= s->len)
        return;
    s->len = len;
    s->data[len] = '\0';
}

bool kiln_str_ok(const struct kiln_str *s, const char *what, struct kiln_err *err)
{
    size_t max = s->max ? s->max : KILN_STR_DEFAULT_MAX;

    if (!s->failed)
        return true;
    return kiln_err_set(err, KILN_ERR_USER, "%s: longer than the limit of %zu bytes", what, max);
}

const char *kiln_str_cstr(const struct kiln_str *s)
{
    return s->data ? s->data : "";
}

char *kiln_str_steal(struct kiln_str *s)
{
    char *text = s->data ? s->data : kiln_xstrdup("");

    *s = (struct kiln_str){ .max = s->max };
    return text;
}

bool kiln_has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool kiln_has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool kiln_streq(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static unsigned min_uint(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

#define DISTANCE_MAX 255

/* Optimal string alignment: three rows of the matrix are enough for transpositions. */
unsigned kiln_edit_distance(const char *a, const char *b)
{
    unsigned rows[3][DISTANCE_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];
    size_t n = strnlen(a, DISTANCE_MAX + 1), m = strnlen(b, DISTANCE_MAX + 1);

    if (n > DISTANCE_MAX || m > DISTANCE_MAX)
        return DISTANCE_MAX;
    for (size_t j = 0; j <= m; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *spare = before;

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            row[j] =
                min_uint(last[j - 1] + (a[i - 1] != b[j - 1]), min_uint(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min_uint(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
        row = spare;
    }
    return min_uint(last[m], DISTANCE_MAX);
}

size_t kiln_utf8_decode(const char *s, size_t len, unsigned *ret_cp)
{
    static const unsigned smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *p = (const unsigned char *)s;
    size_t n;
    unsigned cp;

    if (len == 0)
        return 0;
    n = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf8 ? 4 : 0;
    if (n == 0 || n > len)
        return 0;
    cp = n == 1 ? p[0] : p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        cp = cp << 6 | (p[i] & 0x3f);
    }
    if (cp < smallest[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        return 0;
    *ret_cp = cp;
    return n;
}

bool kiln_parse_i64(const char *s, int64_t *ret)
{
    char *end;
    long long v;

    if (!(s[0] >= '0' && s[0] <= '9') &&
        !((s[0] == '-' || s[0] == '+') && s[1] >= '0' && s[1] <= '9'))
        return false;
    errno = 0;
    v = strtoll(s, &end, 10);
    if (errno || *end)
        return false;
    *ret = v;
    return true;
}
