#include "template/gofmt.h"

#include "base/encode.h"
#include "base/mem.h"
#include "template/gofmt_verb.h"

#define TOO_LARGE 1000000 /* no width, precision or index beyond it, plus one digit: as Go */

struct kiln_go_value kiln_go_string(const char *s)
{
    if (!s)
        return (struct kiln_go_value){ .kind = KILN_GO_NIL };
    return (struct kiln_go_value){ KILN_GO_STRING, .u.string = { s, strlen(s) } };
}

const char *kiln_go_type_name(const struct kiln_go_value *v)
{
    static const char *const names[] = {
        [KILN_GO_NIL] = "<nil>",
        [KILN_GO_BOOL] = "bool",
        [KILN_GO_INT] = "int",
        [KILN_GO_BYTE] = "uint8",
        [KILN_GO_FLOAT] = "float64",
        [KILN_GO_STRING] = "string",
        [KILN_GO_MAP] = "map[string]string",
    };

    return names[v->kind];
}

struct printer {
    struct kiln_str *out;
    const char *p, *end; /* what is left of the format */
    const struct kiln_go_value *args;
    size_t n, arg;    /* arg: the next one to use */
    bool reordered;   /* some verb named its argument */
    bool good_index;  /* of this verb */
    bool after_index; /* [n] was just read */
    struct kiln_go_spec spec;
};

static void read_flags(struct printer *pr)
{
    for (; pr->p < pr->end; pr->p++) {
        switch (*pr->p) {
        case '#':
            pr->spec.sharp = true;
            break;
        case '0':
            pr->spec.zero = !pr->spec.minus;
            break;
        case '+':
            pr->spec.plus = true;
            break;
        case '-':
            pr->spec.minus = true;
            pr->spec.zero = false;
            break;
        case ' ':
            pr->spec.space = true;
            break;
        default:
            return;
        }
    }
}

/* Decimal digits at the head; false if there are none or the number is too large. */
static bool read_number(struct printer *pr, const char *end, int *ret)
{
    const char *start = pr->p;
    int n = 0;

    for (; pr->p < end && *pr->p >= '0' && *pr->p <= '9'; pr->p++) {
        if (n > TOO_LARGE) {
            pr->p = pr->end;
            return false;
        }
        n = n * 10 + (*pr->p - '0');
    }
    if (pr->p == start)
        return false;
    *ret = n;
    return true;
}

/* [n] names the next argument, counting from 1. */
static void read_index(struct printer *pr)
{
    const char *close;
    int n = 0;

    pr->after_index = false;
    if (pr->p >= pr->end || *pr->p != '[')
        return;
    pr->reordered = true;
    close = memchr(pr->p, ']', (size_t)(pr->end - pr->p));
    if (!close) {
        pr->p++;
        pr->good_index = false;
        return;
    }
    pr->p++;
    pr->after_index = read_number(pr, close, &n) && pr->p == close;
    pr->p = close + 1;
    if (pr->after_index && n >= 1 && (size_t)n <= pr->n)
        pr->arg = (size_t)n - 1;
    else
        pr->good_index = false;
}

/* The argument that a '*' stands for. */
static bool take_star(struct printer *pr, int *ret)
{
    const struct kiln_go_value *v;

    pr->p++;
    pr->after_index = false;
    if (pr->arg >= pr->n)
        return false;
    v = &pr->args[pr->arg++];
    if (v->kind != KILN_GO_INT && v->kind != KILN_GO_BYTE)
        return false;
    if (v->u.integer > TOO_LARGE || v->u.integer < -TOO_LARGE)
        return false;
    *ret = (int)v->u.integer;
    return true;
}

static void read_width(struct printer *pr)
{
    struct kiln_go_spec *f = &pr->spec;

    if (pr->p < pr->end && *pr->p == '*') {
        f->has_width = take_star(pr, &f->width);
        if (!f->has_width)
            kiln_str_adds(pr->out, "%!(BADWIDTH)");
        if (f->width < 0) {
            f->width = -f->width;
            f->minus = true;
            f->zero = false;
        }
        return;
    }
    f->has_width = read_number(pr, pr->end, &f->width);
    if (pr->after_index && f->has_width)
        pr->good_index = false; /* %[3]2d */
}

static void read_precision(struct printer *pr)
{
    struct kiln_go_spec *f = &pr->spec;

    if (pr->p >= pr->end || *pr->p != '.')
        return;
    pr->p++;
    if (pr->after_index)
        pr->good_index = false; /* %[3].2d */
    read_index(pr);
    if (pr->p < pr->end && *pr->p == '*') {
        f->has_prec = take_star(pr, &f->prec) && f->prec >= 0;
        if (!f->has_prec)
            kiln_str_adds(pr->out, "%!(BADPREC)");
        return;
    }
    if (!read_number(pr, pr->end, &f->prec))
        f->prec = 0;
    f->has_prec = true;
}

/* One % directive; p is behind the %. */
static void print_directive(struct printer *pr)
{
    unsigned verb = 0xfffd;
    size_t n;

    pr->spec = (struct kiln_go_spec){ 0 };
    pr->good_index = true;
    pr->after_index = false;
    read_flags(pr);
    read_index(pr);
    read_width(pr);
    read_precision(pr);
    if (!pr->after_index)
        read_index(pr);
    if (pr->p >= pr->end) {
        kiln_str_adds(pr->out, "%!(NOVERB)");
        return;
    }
    n = kiln_utf8_decode(pr->p, (size_t)(pr->end - pr->p), &verb);
    pr->p += n ? n : 1;
    if (verb == '%') {
        kiln_str_addc(pr->out, '%');
    } else if (!pr->good_index || pr->arg >= pr->n) {
        kiln_str_adds(pr->out, "%!");
        kiln_str_add_utf8(pr->out, verb);
        kiln_str_adds(pr->out, pr->good_index ? "(MISSING)" : "(BADINDEX)");
    } else {
        if (verb == 'v') {
            pr->spec.sharp_v = pr->spec.sharp;
            pr->spec.sharp = pr->spec.plus = false;
        }
        kiln_go_print_value(pr->out, &pr->spec, &pr->args[pr->arg++], verb);
    }
}

static void print_extra(struct printer *pr)
{
    const struct kiln_go_spec plain = { 0 };

    kiln_str_adds(pr->out, "%!(EXTRA ");
    for (size_t i = pr->arg; i < pr->n; i++) {
        if (i > pr->arg)
            kiln_str_adds(pr->out, ", ");
        kiln_str_adds(pr->out, kiln_go_type_name(&pr->args[i]));
        if (pr->args[i].kind == KILN_GO_NIL)
            continue;
        kiln_str_addc(pr->out, '=');
        kiln_go_print_value(pr->out, &plain, &pr->args[i], 'v');
    }
    kiln_str_addc(pr->out, ')');
}

void kiln_go_printf(struct kiln_str *out, const char *fmt, size_t fmt_len,
                    const struct kiln_go_value *args, size_t n)
{
    struct printer pr = { .out = out, .p = fmt, .end = fmt + fmt_len, .args = args, .n = n };

    while (pr.p < pr.end && !out->failed) {
        const char *mark = memchr(pr.p, '%', (size_t)(pr.end - pr.p));

        if (!mark)
            mark = pr.end;
        kiln_str_add(out, pr.p, (size_t)(mark - pr.p));
        pr.p = mark;
        if (mark < pr.end) {
            pr.p++;
            print_directive(&pr);
        }
    }
    if (!pr.reordered && pr.arg < n)
        print_extra(&pr);
}

void kiln_go_print(struct kiln_str *out, const struct kiln_go_value *args, size_t n)
{
    const struct kiln_go_spec plain = { 0 };

    for (size_t i = 0; i < n; i++) {
        if (i > 0 && args[i].kind != KILN_GO_STRING && args[i - 1].kind != KILN_GO_STRING)
            kiln_str_addc(out, ' ');
        kiln_go_print_value(out, &plain, &args[i], 'v');
    }
}

void kiln_go_println(struct kiln_str *out, const struct kiln_go_value *args, size_t n)
{
    const struct kiln_go_spec plain = { 0 };

    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            kiln_str_addc(out, ' ');
        kiln_go_print_value(out, &plain, &args[i], 'v');
    }
    kiln_str_addc(out, '\n');
}
