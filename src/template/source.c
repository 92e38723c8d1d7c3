#include "template/source.h"

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"

bool kiln_source_read(struct kiln_source **ret, const char *path, struct kiln_err *err)
{
    KILN_AUTO_STR text = KILN_STR_MAX(KILN_MAX_TEMPLATE);
    struct kiln_source *s;

    if (!kiln_fs_read(path, KILN_MAX_TEMPLATE, &text, err))
        return false;
    s = kiln_xcalloc(1, sizeof(*s));
    s->name = kiln_xstrdup(strcmp(path, "-") == 0 ? "<stdin>" : path);
    s->len = text.len;
    s->text = kiln_str_steal(&text);
    s->refs = 1;
    *ret = s;
    return true;
}

struct kiln_source *kiln_source_new(const char *name, const char *text, size_t len)
{
    struct kiln_source *s = kiln_xcalloc(1, sizeof(*s));

    s->name = kiln_xstrdup(name);
    s->text = kiln_xmalloc(len + 1);
    memcpy(s->text, text, len);
    s->text[len] = '\0';
    s->len = len;
    s->refs = 1;
    return s;
}

struct kiln_source *kiln_source_ref(struct kiln_source *s)
{
    if (s)
        __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    return s;
}

void kiln_source_unref(struct kiln_source *s)
{
    if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    free(s->name);
    free(s->text);
    free(s);
}

void kiln_source_position(const struct kiln_source *s, size_t offset, unsigned *ret_line,
                          unsigned *ret_column)
{
    const char *p = s->text;
    const char *at = s->text + (offset < s->len ? offset : s->len);
    const char *nl;
    unsigned line = 1;
    unsigned column = 1;

    for (; (nl = memchr(p, '\n', (size_t)(at - p))); p = nl + 1)
        line++;
    for (; p < at; p++)
        column += ((unsigned char)*p & 0xC0) != 0x80; /* not a continuation byte */
    *ret_line = line;
    *ret_column = column;
}
