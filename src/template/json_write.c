#include "template/json_write.h"

#include <math.h>

#include "base/mem.h"
#include "template/gofmt.h"

static void write_value(const struct kiln_node *v, unsigned level, struct kiln_str *out);

static void write_char(const char *s, size_t len, unsigned cp, struct kiln_str *out)
{
    static const char short_form[] = { '"', '"', '\\', '\\', '\n', 'n', '\r', 'r', '\t', 't' };

    for (size_t i = 0; i < sizeof(short_form); i += 2) {
        if (cp == (unsigned char)short_form[i]) {
            kiln_str_addc(out, '\\');
            kiln_str_addc(out, short_form[i + 1]);
            return;
        }
    }
    if (cp < ' ' || cp == '&' || cp == 0x2028 || cp == 0x2029)
        kiln_str_addf(out, "\\u%04x", cp);
    else
        kiln_str_add(out, s, len);
}

static void write_string(const char *s, size_t len, struct kiln_str *out)
{
    kiln_str_addc(out, '"');
    for (size_t i = 0, n; i < len; i += n) {
        unsigned cp;

        n = kiln_utf8_decode(s + i, len - i, &cp);
        if (n > 0) {
            write_char(s + i, n, cp, out);
        } else {
            kiln_str_add_utf8(out, 0xFFFD);
            n = 1;
        }
    }
    kiln_str_addc(out, '"');
}

/* Plain decimals between 1e-6 and 1e21, as in JavaScript, and an exponent without zeros beyond. */
static void write_number(const struct kiln_node *v, struct kiln_str *out)
{
    double size = fabs(v->u.number.value);
    size_t start = out->len;

    if (size == 0 || (size >= 1e-6 && size < 1e21)) {
        KILN_AUTO_FREE char *text = kiln_node_to_text(v);

        kiln_str_adds(out, text);
        return;
    }
    if (v->u.number.value < 0)
        kiln_str_addc(out, '-');
    kiln_go_add_float(out, size, 'g', -1);
    if (out->len - start > 4 && memcmp(out->data + out->len - 4, "e-0", 3) == 0)
        kiln_str_remove(out, out->len - 2, 1);
}

static void new_line(unsigned level, struct kiln_str *out)
{
    kiln_str_addc(out, '\n');
    for (unsigned i = 0; i < level; i++)
        kiln_str_adds(out, "  ");
}

static void write_list(const struct kiln_node *v, unsigned level, struct kiln_str *out)
{
    kiln_str_addc(out, '[');
    for (size_t i = 0; i < v->u.list.n; i++) {
        if (i > 0)
            kiln_str_addc(out, ',');
        new_line(level + 1, out);
        write_value(v->u.list.items[i], level + 1, out);
    }
    if (v->u.list.n > 0)
        new_line(level, out);
    kiln_str_addc(out, ']');
}

static int by_key(const void *a, const void *b)
{
    const struct kiln_member *x = a, *y = b;

    return strcmp(x->key, y->key);
}

static void write_object(const struct kiln_node *v, unsigned level, struct kiln_str *out)
{
    size_t n = v->u.object.n;
    KILN_AUTO_FREE struct kiln_member *sorted = kiln_xcalloc(n + 1, sizeof(*sorted));

    if (n > 0)
        memcpy(sorted, v->u.object.members, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_key);
    kiln_str_addc(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            kiln_str_addc(out, ',');
        new_line(level + 1, out);
        write_string(sorted[i].key, strlen(sorted[i].key), out);
        kiln_str_adds(out, ": ");
        write_value(sorted[i].value, level + 1, out);
    }
    if (n > 0)
        new_line(level, out);
    kiln_str_addc(out, '}');
}

static void write_value(const struct kiln_node *v, unsigned level, struct kiln_str *out)
{
    switch (v->type) {
    case KILN_NODE_NULL:
        kiln_str_adds(out, "null");
        break;
    case KILN_NODE_BOOL:
        kiln_str_adds(out, v->u.boolean ? "true" : "false");
        break;
    case KILN_NODE_NUMBER:
        write_number(v, out);
        break;
    case KILN_NODE_STRING:
        write_string(v->u.string.s, v->u.string.len, out);
        break;
    case KILN_NODE_LIST:
        write_list(v, level, out);
        break;
    case KILN_NODE_OBJECT:
        write_object(v, level, out);
        break;
    }
}

void kiln_json_write(const struct kiln_node *value, struct kiln_str *out)
{
    write_value(value, 0, out);
}
