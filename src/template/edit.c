#include "template/edit.h"

#include <assert.h>

#include "base/encode.h"
#include "base/limits.h"
#include "base/mem.h"
#include "template/edit_match.h"

/* What is rewritten: one value of the source. */
struct value {
    const struct kiln_source *source;
    const struct kiln_node *node;
    const char *key;      /* for messages */
    bool is_step;         /* one string, in a row of boot_steps */
    size_t end;           /* just past the value */
    struct kiln_strv old; /* its strings */
};

static bool refuse(const struct kiln_node *node, struct kiln_err *err, const char *fmt, ...)
    KILN_PRINTF(3, 4);

static bool refuse(const struct kiln_node *node, struct kiln_err *err, const char *fmt, ...)
{
    KILN_AUTO_FREE char *text = NULL;
    unsigned line, column;
    va_list ap;

    va_start(ap, fmt);
    text = kiln_xvasprintf(fmt, ap);
    va_end(ap);
    kiln_source_position(node->source, node->offset, &line, &column);
    return kiln_err_set(err, KILN_ERR_USER, "%s:%u:%u: %s", node->source->name, line, column, text);
}

/* Just past the string, number or word at `at`. */
static size_t scalar_end(const char *text, size_t at)
{
    if (text[at] != '"')
        return at + strcspn(text + at, " \t\r\n,]}");
    for (at++; text[at] != '"'; at++)
        at += text[at] == '\\';
    return at + 1;
}

static size_t skip_space(const char *text, size_t at)
{
    return at + strspn(text + at, " \t\r\n");
}

/* ---- layout ---- */

static const char *line_break(const struct kiln_source *s)
{
    const char *nl = memchr(s->text, '\n', s->len);

    return !nl ? "" : nl > s->text && nl[-1] == '\r' ? "\r\n" : "\n";
}

/* The white space that the line of `at` begins with. */
static void add_indent(struct kiln_str *out, const char *text, size_t at)
{
    while (at > 0 && text[at - 1] != '\n')
        at--;
    kiln_str_add(out, text + at, strspn(text + at, " \t"));
}

/* One level of indentation: that of the first line that has any. */
static void add_indent_unit(struct kiln_str *out, const char *text)
{
    const char *p = text;

    while ((p = strchr(p, '\n')) != NULL) {
        size_t n = strspn(++p, " \t");

        if (n > 0 && n <= 8 && p[n] != '\r' && p[n] != '\n') {
            kiln_str_add(out, p, p[0] == '\t' ? 1 : n);
            return;
        }
    }
    kiln_str_adds(out, "  ");
}

/* What stands before a new element where there are others: their gap, but no blank lines. */
static void add_flat_gap(struct kiln_str *out, const char *gap, size_t len)
{
    const char *first = memchr(gap, '\n', len), *last = memrchr(gap, '\n', len);

    if (first != last) {
        size_t head = (size_t)(first - gap), tail = (size_t)(gap + len - last) - 1;

        if (memchr(gap, ',', head) || memchr(last, ',', tail + 1)) {
            kiln_str_add(out, gap, head + 1);
            kiln_str_add(out, last + 1, tail);
            return;
        }
    }
    kiln_str_add(out, gap, len);
}

/* A list where none was: one string stays on the line, several get a line each. */
static void add_fresh_list(struct kiln_str *out, const struct value *v,
                           const struct kiln_strv *lines)
{
    const char *text = v->source->text, *nl = lines->n > 1 ? line_break(v->source) : "";

    kiln_str_addc(out, '[');
    for (size_t i = 0; i < lines->n; i++) {
        kiln_str_adds(out, i == 0 ? "" : ",");
        kiln_str_adds(out, nl);
        if (*nl) {
            add_indent(out, text, v->node->offset);
            add_indent_unit(out, text);
        }
        kiln_json_adds(out, lines->v[i]);
    }
    kiln_str_adds(out, nl);
    if (*nl)
        add_indent(out, text, v->node->offset);
    kiln_str_addc(out, ']');
}

/* ---- a list that is there ---- */

/* Where the elements stand: before element i is the gap from end[i] to start[i]. */
struct spans {
    size_t *start, *end; /* owned; n + 1 each; start[n] is the closing bracket, end[0] the opening
                            one + 1 */
    size_t n;
};

static void spans_done(struct spans *s)
{
    free(s->start);
    free(s->end);
}

static void find_spans(const struct value *v, struct spans *s)
{
    const char *text = v->source->text;

    s->n = v->node->u.list.n;
    s->start = kiln_xcalloc(s->n + 1, sizeof(*s->start));
    s->end = kiln_xcalloc(s->n + 1, sizeof(*s->end));
    s->end[0] = v->node->offset + 1;
    for (size_t i = 0; i < s->n; i++) {
        s->start[i] = v->node->u.list.items[i]->offset;
        s->end[i + 1] = scalar_end(text, s->start[i]);
    }
    s->start[s->n] = skip_space(text, s->end[s->n]);
    assert(text[s->start[s->n]] == ']');
}

static void add_gap(struct kiln_str *out, const struct value *v, const struct spans *s, size_t i)
{
    kiln_str_add(out, v->source->text + s->end[i], s->start[i] - s->end[i]);
}

/* Before an element that is new here, after old element `after` (none: the first one). */
static void add_new_gap(struct kiln_str *out, const struct value *v, const struct spans *s,
                        size_t after)
{
    const char *text = v->source->text;
    size_t i = after + 1 < s->n ? after + 1 : s->n - 1;
    const char *lead = text + s->end[0];
    size_t len = s->start[0] - s->end[0];

    if (s->n > 1) {
        add_flat_gap(out, text + s->end[i], s->start[i] - s->end[i]);
        return;
    }
    kiln_str_addc(out, ',');
    if (memchr(lead, '\n', len))
        add_flat_gap(out, lead, len);
    else
        kiln_str_adds(out, *line_break(v->source) ? " " : "");
}

/* The white space before or after element j, and the comma. */
static void add_separator(struct kiln_str *out, const struct value *v, const struct spans *s,
                          const struct kiln_edit_origin *from, size_t j, size_t last_slot)
{
    if (j == 0)
        add_gap(out, v, s, 0);
    else if (from[j].slot != KILN_EDIT_NEW && from[j].slot > 0)
        add_gap(out, v, s, from[j].slot);
    else
        add_new_gap(out, v, s, last_slot);
}

static void add_list(struct kiln_str *out, const struct value *v, const struct kiln_strv *lines)
{
    KILN_AUTO_FREE struct kiln_edit_origin *from = kiln_xcalloc(lines->n + 1, sizeof(*from));
    KILN_CLEANUP(spans_done) struct spans s = { 0 };
    const char *text = v->source->text;
    size_t last_slot = 0;

    if (v->old.n == 0 || lines->n == 0) {
        add_fresh_list(out, v, lines);
        return;
    }
    find_spans(v, &s);
    kiln_edit_match(&v->old, lines, from);
    kiln_str_addc(out, '[');
    for (size_t j = 0; j < lines->n; j++) {
        size_t slot = from[j].slot;

        add_separator(out, v, &s, from, j, last_slot);
        if (from[j].same)
            kiln_str_add(out, text + s.start[slot], s.end[slot + 1] - s.start[slot]);
        else
            kiln_json_adds(out, lines->v[j]);
        last_slot = slot == KILN_EDIT_NEW ? last_slot : slot;
    }
    add_gap(out, v, &s, s.n);
    kiln_str_addc(out, ']');
}

/* ---- which value ---- */

static bool is_scalar(const struct kiln_node *node)
{
    return node->type != KILN_NODE_LIST && node->type != KILN_NODE_OBJECT;
}

static bool take_list(struct value *v, struct kiln_err *err)
{
    size_t n = v->node->u.list.n;
    size_t end = v->node->offset + 1;

    for (size_t i = 0; i < n; i++) {
        const struct kiln_node *item = v->node->u.list.items[i];

        if (!is_scalar(item))
            return refuse(item, err, "%s: a %s stands where a string should", v->key,
                          kiln_node_type_name(item->type));
        kiln_strv_add_take(&v->old, kiln_node_to_text(item));
        end = scalar_end(v->source->text, item->offset);
    }
    v->end = skip_space(v->source->text, end) + 1;
    return true;
}

/* A string stands for the list of its pieces (config/value.c). */
static void take_scalar(struct value *v)
{
    KILN_AUTO_FREE char *text = kiln_node_to_text(v->node);

    v->end = scalar_end(v->source->text, v->node->offset);
    if (v->node->type == KILN_NODE_STRING)
        kiln_strv_split(&v->old, text, ',');
    else if (v->node->type != KILN_NODE_NULL)
        kiln_strv_add(&v->old, text);
}

/* "{{user `keys`}}" and nothing else: what is typed stands in a variable. */
static bool is_reference(const struct kiln_node *node)
{
    const char *s, *end;

    if (node->type != KILN_NODE_STRING)
        return false;
    s = node->u.string.s + strspn(node->u.string.s, " \t\n");
    end = strstr(s, "}}");
    return kiln_has_prefix(s, "{{") && end && end[2 + strspn(end + 2, " \t\n")] == '\0' &&
           kiln_has_prefix(s + 2 + strspn(s + 2, "- \t\n"), "user");
}

static bool mentions(const struct kiln_strv *lines, const char *text)
{
    KILN_AUTO_FREE char *all = kiln_strv_join(lines, ",");

    return strstr(all, text) != NULL;
}

/* The value of boot_command. */
static bool find_command(const struct kiln_node *builder, struct value *v, struct kiln_err *err)
{
    v->key = "boot_command";
    v->node = kiln_node_get(builder, v->key);
    if (!v->node)
        return refuse(
            builder, err,
            "this builder has no boot_command to write to; add \"boot_command\": [] first");
    if (v->node->type == KILN_NODE_LIST)
        return take_list(v, err);
    if (!is_scalar(v->node))
        return refuse(v->node, err, "boot_command is an %s, not a list of strings",
                      kiln_node_type_name(v->node->type));
    take_scalar(v);
    return true;
}

static bool is_empty_list(const struct kiln_node *node)
{
    return node->type == KILN_NODE_LIST && node->u.list.n == 0;
}

/* Row `row` of those that are not empty. */
static bool find_row(const struct kiln_node *steps, size_t row, const struct kiln_node **ret,
                     struct kiln_err *err)
{
    size_t seen = 0;

    if (steps->type != KILN_NODE_LIST)
        return refuse(steps, err, "boot_steps is a %s, not a list of lists",
                      kiln_node_type_name(steps->type));
    for (size_t i = 0; i < steps->u.list.n; i++) {
        if (is_empty_list(steps->u.list.items[i]) || seen++ < row)
            continue;
        *ret = steps->u.list.items[i];
        return true;
    }
    return refuse(steps, err, "boot_steps has no row %zu; there are %zu", row + 1, seen);
}

/* The text of a row of boot_steps, which is one string. */
static bool find_step(const struct kiln_node *steps, size_t row, struct value *v,
                      struct kiln_err *err)
{
    const struct kiln_node *node = NULL;

    v->key = "boot_steps";
    v->is_step = true;
    if (!find_row(steps, row, &node, err))
        return false;
    if (node->type != KILN_NODE_LIST || !is_scalar(node->u.list.items[0]))
        return refuse(node, err, "row %zu of boot_steps is not a list that begins with a string",
                      row + 1);
    v->node = node->u.list.items[0];
    v->end = scalar_end(v->source->text, v->node->offset);
    kiln_strv_add_take(&v->old, kiln_node_to_text(v->node));
    return true;
}

static void value_done(struct value *v)
{
    kiln_strv_done(&v->old);
}

static bool find_value(const struct kiln_node *builder, size_t row, struct value *v,
                       struct kiln_err *err)
{
    const struct kiln_node *steps = kiln_node_get(builder, "boot_steps");

    v->source = builder->source;
    if (steps && !is_empty_list(steps))
        return find_step(steps, row, v, err);
    if (row > 0)
        return refuse(builder, err, "this builder has one boot_command and no row %zu", row + 1);
    return find_command(builder, v, err);
}

bool kiln_edit_boot_lines(const struct kiln_node *builder, size_t row, struct kiln_strv *ret,
                          struct kiln_err *err)
{
    KILN_CLEANUP(value_done) struct value v = { 0 };

    if (!find_value(builder, row, &v, err))
        return false;
    kiln_strv_add_all(ret, &v.old);
    return true;
}

/* ---- the new text ---- */

static bool same_lines(const struct kiln_strv *a, const struct kiln_strv *b)
{
    bool same = a->n == b->n;

    for (size_t i = 0; same && i < a->n; i++)
        same = strcmp(a->v[i], b->v[i]) == 0;
    return same;
}

static bool check_lines(const struct kiln_node *builder, const struct kiln_strv *lines,
                        struct kiln_err *err)
{
    for (size_t i = 0; i < lines->n; i++) {
        const char *s = lines->v[i];
        size_t left = strlen(s), n;
        unsigned cp;

        for (; left > 0; s += n, left -= n) {
            n = kiln_utf8_decode(s, left, &cp);
            if (n == 0)
                return refuse(builder, err, "line %zu of the boot command is not UTF-8", i + 1);
        }
    }
    return true;
}

static void add_value(struct kiln_str *out, const struct value *v, const struct kiln_strv *lines)
{
    if (same_lines(&v->old, lines))
        kiln_str_add(out, v->source->text + v->node->offset, v->end - v->node->offset);
    else if (v->is_step || (v->node->type == KILN_NODE_STRING && lines->n == 1 && lines->v[0][0] &&
                            !strchr(lines->v[0], ',')))
        kiln_json_adds(out, lines->v[0]);
    else if (v->node->type == KILN_NODE_LIST)
        add_list(out, v, lines);
    else
        add_fresh_list(out, v, lines);
}

bool kiln_edit_boot_text(const struct kiln_node *builder, size_t row, const struct kiln_strv *lines,
                         struct kiln_str *out, struct kiln_err *err)
{
    KILN_CLEANUP(value_done) struct value v = { 0 };
    KILN_AUTO_STRV joined = { 0 };

    if (!check_lines(builder, lines, err) || !find_value(builder, row, &v, err))
        return false;
    if (is_reference(v.node) && !mentions(lines, v.node->u.string.s))
        return refuse(v.node, err, "this is %s: what it types stands elsewhere; change it there",
                      v.node->u.string.s);
    kiln_strv_add_take(&joined, kiln_strv_join(lines, ""));
    kiln_str_add(out, v.source->text, v.node->offset);
    add_value(out, &v, v.is_step ? &joined : lines);
    kiln_str_add(out, v.source->text + v.end, v.source->len - v.end);
    return kiln_str_ok(out, v.source->name, err);
}

/* ---- secrets ---- */

static bool has_mark(const struct kiln_strv *lines, const char *mark)
{
    KILN_STRV_FOREACH (line, lines) {
        if (strstr(line, mark))
            return true;
    }
    return false;
}

bool kiln_edit_restore(const struct kiln_strv *own, const struct kiln_strv *shown,
                       const struct kiln_strv *lines, const char *mark, struct kiln_strv *ret,
                       struct kiln_err *err)
{
    KILN_AUTO_FREE struct kiln_edit_origin *from = kiln_xcalloc(lines->n + 1, sizeof(*from));
    KILN_AUTO_STRV out = { 0 };

    assert(own->n == shown->n);
    kiln_edit_match(shown, lines, from);
    for (size_t j = 0; j < lines->n; j++) {
        if (!from[j].same && strstr(lines->v[j], mark))
            return kiln_err_set(err, KILN_ERR_USER,
                                "line %zu holds %s, which stands for a value that is not shown; %s",
                                j + 1, mark,
                                has_mark(shown, mark)
                                    ? "leave that line as it is or write {{user `NAME`}}"
                                    : "write {{user `NAME`}} in its place, or what is to be typed");
        kiln_strv_add(&out, from[j].same ? own->v[from[j].slot] : lines->v[j]);
    }
    kiln_strv_add_all(ret, &out);
    return true;
}
