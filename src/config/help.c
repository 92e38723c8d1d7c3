/* `kiln help COMPONENT`, from the tables. */
#include "config/config.h"

#define WIDTH  80
#define INDENT 6

static const char *type_word(enum kiln_field_type type)
{
    switch (type) {
    case KILN_STRING:
        return "string";
    case KILN_BOOL:
    case KILN_TRIBOOL:
        return "bool";
    case KILN_INT:
        return "number";
    case KILN_DURATION:
        return "duration";
    case KILN_STRINGS:
        return "list of strings";
    case KILN_STRING_ROWS:
        return "list of lists of strings";
    case KILN_STRING_MAP:
        return "map of strings";
    case KILN_INTS:
        return "list of numbers";
    case KILN_NESTED:
        return "map";
    }
    return "";
}

/* Columns of n bytes of text. */
static size_t columns(const char *text, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

/* Words of `text`, broken before WIDTH. */
static void wrap(struct kiln_str *out, const char *text)
{
    size_t column = 0;

    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t len = strcspn(text, " "), wide = columns(text, len);

        if (column == 0 || column + 1 + wide > WIDTH) {
            kiln_str_addf(out, "%s%*s", column ? "\n" : "", INDENT, "");
            column = INDENT;
        } else {
            kiln_str_addc(out, ' ');
            column++;
        }
        kiln_str_add(out, text, len);
        column += wide;
        text += len;
    }
    if (column)
        kiln_str_addc(out, '\n');
}

static void put_choices(struct kiln_str *out, const struct kiln_field *f)
{
    KILN_AUTO_STR line = { 0 };

    if (!f->choices)
        return;
    for (size_t i = 0; f->choices[i]; i++)
        kiln_str_addf(&line, "%s%s", i ? ", " : "One of: ", f->choices[i]);
    kiln_str_addc(&line, '.');
    wrap(out, kiln_str_cstr(&line));
}

/* "  name (type, default: x)"; a default that does not fit gets a line of its own, unbroken. */
static void put_head(struct kiln_str *out, const struct kiln_field *f, const char *prefix)
{
    KILN_AUTO_STR head = { 0 };
    const char *def = f->def && f->def[0] ? f->def : NULL;

    kiln_str_addf(&head, "  %s%s (%s", prefix, f->name, type_word(f->type));
    if (def && head.len + strlen(", default: )") + columns(def, strlen(def)) <= WIDTH) {
        kiln_str_addf(&head, ", default: %s", def);
        def = NULL;
    }
    kiln_str_addf(out, "%s)\n", kiln_str_cstr(&head));
    if (def)
        kiln_str_addf(out, "%*sDefault: %s\n", INDENT, "", def);
}

static void put_fields(const struct kiln_schema *s, const char *prefix, struct kiln_str *out)
{
    for (const struct kiln_field *f = s->fields; f->name; f++) {
        KILN_AUTO_STR below = { 0 };

        if (f->flags & (KILN_HIDDEN | KILN_REMOVED | KILN_DEPRECATED))
            continue;
        put_head(out, f, prefix);
        wrap(out, f->help ? f->help : "");
        put_choices(out, f);
        if (f->type != KILN_NESTED)
            continue;
        kiln_str_addf(&below, "%s%s.", prefix, f->name);
        put_fields(f->nested, kiln_str_cstr(&below), out);
    }
    for (const struct kiln_include *i = s->includes; i && i->schema; i++) {
        if (i->schema->summary && i->schema->summary[0])
            kiln_str_addf(out, "\n%s:\n", i->schema->summary);
        put_fields(i->schema, prefix, out);
    }
}

void kiln_config_help(const struct kiln_schema *schema, struct kiln_str *out)
{
    KILN_AUTO_STR fields = { 0 };

    kiln_str_addf(out, "%s: %s\n", schema->name, schema->summary);
    put_fields(schema, "", &fields);
    if (fields.len && fields.data[0] != '\n')
        kiln_str_addc(out, '\n');
    kiln_str_adds(out, kiln_str_cstr(&fields));
}
