#include "base/mem.h"

static void *checked(void *p)
{
    if (!p) {
        (void)fputs("kiln: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *kiln_xmalloc(size_t size)
{
    return checked(malloc(size ? size : 1));
}

void *kiln_xcalloc(size_t n, size_t size)
{
    return checked(calloc(n ? n : 1, size ? size : 1));
}

void *kiln_xrealloc(void *p, size_t n, size_t size)
{
    return checked(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *kiln_xstrdup(const char *s)
{
    return s ? checked(strdup(s)) : NULL;
}

char *kiln_xstrndup(const char *s, size_t n)
{
    return checked(strndup(s, n));
}

char *kiln_xvasprintf(const char *fmt, va_list ap)
{
    char *s = NULL;

    if (vasprintf(&s, fmt, ap) < 0)
        s = NULL;
    return checked(s);
}

char *kiln_xasprintf(const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    s = kiln_xvasprintf(fmt, ap);
    va_end(ap);
    return s;
}

void kiln_freep(void *pp)
{
    free(*(void **)pp);
}
