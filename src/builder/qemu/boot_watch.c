#include "builder/qemu/boot_watch.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/regex.h"
#include "builder/qemu/screen_text.h"
#include "vm/screen.h"

/* ---- what a miss says ---- */

static char folded(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* The longest stretch of characters that both have; ASCII in any case. */
static size_t common(const char *a, const char *b)
{
    size_t best = 0;

    for (size_t i = 0; a[i]; i++) {
        for (size_t k = 0; b[k]; k++) {
            size_t n = 0;

            while (a[i + n] && folded(a[i + n]) == folded(b[k + n]))
                n++;
            best = n > best ? n : best;
        }
    }
    return best;
}

/* The row that has most of the regex in one piece; NULL if none has two characters of it. */
static const char *nearest(const struct kiln_strv *rows, const char *regex)
{
    const char *ret = NULL;
    size_t best = 1;

    for (size_t i = 0; i < rows->n; i++) {
        size_t n = common(regex, rows->v[i]);

        if (n > best) {
            best = n;
            ret = rows->v[i];
        }
    }
    return ret;
}

/* shown: what is written on it. */
static void add_screen(struct kiln_str *out, const struct kiln_text *text, const char *shown)
{
    KILN_AUTO_STRV rows = { 0 };

    if (text->columns == 0) {
        kiln_str_adds(out, "; the screen shows no text that kiln can read");
        return;
    }
    if (!shown[0]) {
        kiln_str_adds(out, "; the screen is empty");
        return;
    }
    kiln_str_adds(out, "; the screen shows:");
    kiln_strv_split(&rows, shown, '\n');
    KILN_STRV_FOREACH (row, &rows)
        kiln_str_addf(out, "\n  | %s", row);
}

static void add_nearest(struct kiln_str *out, const char *shown, const char *regex)
{
    KILN_AUTO_STRV rows = { 0 };
    const char *row;

    kiln_strv_split(&rows, shown, '\n');
    row = nearest(&rows, regex);
    if (row)
        kiln_str_addf(out, "; the nearest line is \"%s\"", row + strspn(row, " "));
}

static bool missed(struct kiln_build *b, const struct kiln_boot_element *el,
                   const struct kiln_text *text, struct kiln_err *err)
{
    KILN_AUTO_STR why = { 0 }, shown = { 0 };

    kiln_screen_text_all(b, text, &shown);
    kiln_str_addf(&why, "%s: ", el->what);
    kiln_str_adds(&why, el->regex ? "nothing on the screen matched within "
                                  : "the screen went on changing for ");
    kiln_duration_format(&why, el->wait_ns);
    if (el->regex && !el->masked)
        add_nearest(&why, kiln_str_cstr(&shown), el->regex);
    add_screen(&why, text, kiln_str_cstr(&shown));
    return kiln_err_set(err, KILN_ERR_TIMEOUT, "Error running boot command: %s",
                        kiln_str_cstr(&why));
}

/* ---- the waits ---- */

static bool shows(struct kiln_regex *re, const struct kiln_text *text)
{
    bool found = false;

    for (unsigned i = 0; !found && i < text->rows; i++) {
        KILN_AUTO_STR row = { 0 };

        kiln_text_row(text, i, &row);
        found = kiln_regex_in_row(re, kiln_str_cstr(&row));
    }
    return found;
}

static bool wait_text(struct kiln_qemu_state *s, const struct kiln_boot_element *el,
                      struct kiln_cancel *c, int64_t deadline, struct kiln_text *text,
                      struct kiln_err *err)
{
    struct kiln_regex *re;
    bool ok = true;

    if (!kiln_regex_new(&re, el->regex, err))
        return false;
    kiln_screen_text(s->screen, text);
    while (ok && !shows(re, text)) {
        if (kiln_regex_given_up(re))
            ok = kiln_err_set(err, KILN_ERR_USER,
                              "Error running boot command: %s: the pattern takes "
                              "too long to match",
                              el->what);
        else
            ok = kiln_screen_wait_text(s->screen, text, c, kiln_qemu_pidfd(s->qemu), deadline, err);
    }
    kiln_regex_free(re);
    return ok;
}

static bool wait_stable(struct kiln_qemu_state *s, const struct kiln_boot_element *el,
                        struct kiln_cancel *c, int64_t deadline, struct kiln_text *text,
                        struct kiln_err *err)
{
    KILN_AUTO_ERR why = { 0 };
    uint64_t picture = 0;

    kiln_screen_text(s->screen, text);
    for (;;) {
        int64_t still = kiln_cancel_deadline(c, el->still_ns / 1000);

        if (!kiln_screen_wait_change(s->screen, text, &picture, c, kiln_qemu_pidfd(s->qemu),
                                     still < deadline ? still : deadline, &why))
            break;
    }
    if (why.kind == KILN_ERR_TIMEOUT && kiln_cancel_now(c) < deadline)
        return true;
    return kiln_err_move(err, &why);
}

bool kiln_boot_watch(struct kiln_qemu_state *s, const struct kiln_boot_element *el,
                     struct kiln_cancel *c, struct kiln_err *err)
{
    int64_t deadline = kiln_cancel_deadline(c, el->wait_ns / 1000);
    struct kiln_text text = { 0 };
    KILN_AUTO_ERR why = { 0 };
    bool ok;

    if (!kiln_screen_want_text(s->screen, true, err))
        return false;
    ok = el->regex ? wait_text(s, el, c, deadline, &text, &why)
                   : wait_stable(s, el, c, deadline, &text, &why);
    if (!ok && why.kind == KILN_ERR_TIMEOUT)
        (void)missed(s->build, el, &text, err);
    else if (!ok)
        (void)kiln_err_move(err, &why);
    (void)kiln_screen_want_text(s->screen, false, NULL);
    kiln_text_done(&text);
    return ok;
}
