#include "bootcmd/record.h"

#include "base/clock.h"
#include "base/mem.h"
#include "bootcmd/keys.h"
#include "bootcmd/record_line.h"
#include "bootcmd/spell.h"
#include "bootcmd/telling.h"
#include "bootcmd/watch.h"

#define MAX_HELD   16
#define MAX_LINES  64 /* of an element */
#define STEADY_US  KILN_MS(200)
#define PATIENT    3 /* times what was seen is what a wait allows, if that is more than usual */
#define PICTURE_US KILN_SECOND(1) /* less than this is not waited for where nothing can be read */

struct row {
    int64_t changed_us;
    unsigned changes, ticks; /* since the last stroke; ticks: of its numbers only */
    bool counts;             /* it is a clock, or a counter */
};

/* A stroke: from a key's going down to the next moment when none is down. */
struct stroke {
    size_t from;      /* key event */
    bool plain;       /* characters, and Shift for them */
    unsigned n_named; /* keys that are no characters */
    uint32_t named;   /* the last of those */
    struct kiln_str text;
    struct kiln_record_line line; /* what it begins, if it begins one */
};

struct kiln_record {
    struct kiln_strv secrets;
    struct kiln_strmap variables, names; /* names: text to expression */
    struct kiln_strv rows;               /* of the screen */
    struct row *info;                    /* owned; rows.n */
    int cursor_row, cursor_column;
    struct kiln_strv base; /* rows when the last stroke began */
    int64_t stroke_us;     /* when it ended */
    bool begun;            /* there was one */
    uint32_t held[MAX_HELD];
    size_t n_held, n_all;
    struct stroke stroke;
    /* the element that grows */
    struct kiln_str wait;
    struct kiln_str keys; /* struct kiln_bootcmd_stroke each */
    struct kiln_record_line lines[MAX_LINES];
    size_t n_lines;
    struct kiln_strv elements;
};

static size_t n_keys(const struct kiln_record *r)
{
    return r->keys.len / sizeof(struct kiln_bootcmd_stroke);
}

/* The line that is being typed; NULL: none. */
static struct kiln_record_line *open_line(struct kiln_record *r)
{
    struct kiln_record_line *l = r->n_lines > 0 ? &r->lines[r->n_lines - 1] : NULL;

    return l && !l->ended ? l : NULL;
}

/* ---- life ---- */

struct kiln_record *kiln_record_new(const struct kiln_strv *secrets,
                                    const struct kiln_strmap *variables, int64_t now_us)
{
    struct kiln_record *r = kiln_xcalloc(1, sizeof(*r));

    kiln_strv_add_all(&r->secrets, secrets);
    if (variables)
        kiln_strmap_copy(&r->variables, variables);
    r->cursor_row = r->cursor_column = -1;
    r->stroke_us = now_us;
    return r;
}

static void clear_element(struct kiln_record *r)
{
    kiln_str_clear(&r->wait);
    kiln_str_clear(&r->keys);
    for (size_t i = 0; i < r->n_lines; i++)
        kiln_record_line_done(&r->lines[i]);
    r->n_lines = 0;
}

void kiln_record_free(struct kiln_record *r)
{
    if (!r)
        return;
    clear_element(r);
    kiln_str_done(&r->wait);
    kiln_str_done(&r->keys);
    kiln_str_done(&r->stroke.text);
    kiln_record_line_done(&r->stroke.line);
    kiln_strv_done(&r->secrets);
    kiln_strmap_done(&r->variables);
    kiln_strmap_done(&r->names);
    kiln_strv_done(&r->rows);
    kiln_strv_done(&r->base);
    kiln_strv_done(&r->elements);
    free(r->info);
    free(r);
}

void kiln_record_name(struct kiln_record *r, const char *text, const char *expression)
{
    kiln_strmap_set(&r->names, text, expression);
}

const struct kiln_strv *kiln_record_elements(const struct kiln_record *r)
{
    return &r->elements;
}

/* ---- the screen ---- */

/* What is known of the row that says this now: it may have been another one, which scrolled. */
static struct row info_of(const struct kiln_record *r, const struct kiln_strv *rows, size_t i,
                          int64_t now_us)
{
    struct row info = { .changed_us = now_us, .changes = 1 };

    if (i < r->rows.n && kiln_streq(r->rows.v[i], rows->v[i]))
        return r->info[i];
    for (size_t k = 0; rows->v[i][0] && k < r->rows.n; k++) {
        if (kiln_streq(r->rows.v[k], rows->v[i]))
            return r->info[k];
    }
    if (i < r->rows.n) {
        info.changes += r->info[i].changes;
        if (r->rows.v[i][0] && kiln_telling_same(r->rows.v[i], rows->v[i]))
            info.ticks = r->info[i].ticks + 1;
        info.counts = info.ticks > 1 || (info.ticks > 0 && r->info[i].counts);
    }
    return info;
}

void kiln_record_see(struct kiln_record *r, const struct kiln_record_screen *screen, int64_t now_us)
{
    struct row *info = kiln_xcalloc(screen->rows->n + 1, sizeof(*info));

    for (size_t i = 0; i < screen->rows->n; i++)
        info[i] = info_of(r, screen->rows, i, now_us);
    free(r->info);
    r->info = info;
    kiln_strv_done(&r->rows);
    kiln_strv_add_all(&r->rows, screen->rows);
    r->cursor_row = screen->cursor_row;
    r->cursor_column = screen->cursor_column;
    for (size_t i = 0; i < r->n_lines; i++)
        kiln_record_line_see(&r->lines[i], &r->rows);
}

/* ---- what to wait for ---- */

static bool is_echo(const struct kiln_record *r, const char *row)
{
    for (size_t i = 0; i < r->n_lines; i++) {
        if (kiln_record_line_echoes(&r->lines[i], row))
            return true;
    }
    return false;
}

/* A prompt that is going to have an echo behind it, which may come late. */
static bool is_answered(const struct kiln_record *r, const char *row)
{
    for (size_t i = 0; i < r->n_lines; i++) {
        if (r->lines[i].shown && kiln_record_line_answers(&r->lines[i], row))
            return true;
    }
    return false;
}

/* What the screen says when the last key of the element was pressed: a wait that matches it would
 * be over at once. */
static void add_seen(const struct kiln_record *r, struct kiln_strv *out)
{
    KILN_STRV_FOREACH (row, &r->base) {
        if (row[0] && !is_answered(r, row))
            kiln_strv_add(out, row);
    }
    KILN_STRV_FOREACH (row, &r->rows) {
        if (is_echo(r, row))
            kiln_strv_add(out, row);
    }
}

static bool is_new(const struct kiln_record *r, size_t i, const struct kiln_strv *seen)
{
    if (!r->rows.v[i][0] || is_echo(r, r->rows.v[i]))
        return false;
    KILN_STRV_FOREACH (row, seen) {
        if (kiln_telling_same(row, r->rows.v[i]) &&
            (r->info[i].counts || kiln_streq(row, r->rows.v[i])))
            return false;
    }
    return true;
}

/* The cursor stands behind it. */
static bool has_cursor(const struct kiln_record *r, size_t i)
{
    const char *row = r->rows.v[i];
    int columns = 0;

    if (r->cursor_row != (int)i)
        return false;
    for (; *row; row++)
        columns += ((unsigned char)*row & 0xC0) != 0x80;
    return r->cursor_column >= columns;
}

/* It looks like a question, and nothing is below it: a cursor that blinks may not be seen yet. */
static bool asks(const struct kiln_record *r, size_t i)
{
    const char *row = r->rows.v[i];

    for (size_t k = i + 1; k < r->rows.n; k++) {
        if (r->rows.v[k][0])
            return false;
    }
    return row[0] && strchr(":?>$#%]", row[strlen(row) - 1]);
}

static bool is_prompt(const struct kiln_record *r, size_t i)
{
    return has_cursor(r, i) || asks(r, i);
}

/* How much a row tells; the lower ones more. */
static long worth(const struct kiln_record *r, size_t i, int64_t now_us)
{
    const struct row *info = &r->info[i];
    long steady = now_us - info->changed_us >= STEADY_US ? 10000 : 0;
    long restless = info->changes > 4 && !steady ? 10000 : 0;

    return (has_cursor(r, i) ? 20000 : asks(r, i) ? 15000 : 0) + steady - restless + (long)i;
}

/* "<wait 'REGEX' LIMIT>"; false: no row tells. */
static bool wait_for_text(const struct kiln_record *r, const struct kiln_strv *seen, bool *fresh,
                          int64_t now_us, struct kiln_str *ret)
{
    for (;;) {
        size_t best = r->rows.n;
        KILN_AUTO_STR regex = { 0 };

        for (size_t i = 0; i < r->rows.n; i++) {
            if (fresh[i] && (best == r->rows.n || worth(r, i, now_us) > worth(r, best, now_us)))
                best = i;
        }
        if (best == r->rows.n)
            return false;
        const struct kiln_telling t = { .row = r->rows.v[best],
                                        .prompt = is_prompt(r, best),
                                        .counts = r->info[best].counts };
        int64_t limit_us = (r->info[best].changed_us - r->stroke_us) * PATIENT;

        fresh[best] = false;
        if (!kiln_telling_regex(&t, seen, &regex))
            continue;
        kiln_str_addf(ret, "<wait '%s'", kiln_str_cstr(&regex));
        if (limit_us > KILN_BOOTCMD_LIMIT_NS / 1000)
            kiln_str_addf(ret, " %llds", (long long)(limit_us / KILN_SECOND(1)) + 1);
        kiln_str_addc(ret, '>');
        return true;
    }
}

/* While a line is typed, and as long as the guest asks for it, the screen may say what it likes. */
static bool is_typing(struct kiln_record *r)
{
    const struct kiln_record_line *l = open_line(r);

    return l && (l->shown || kiln_record_line_waits(l, &r->rows));
}

static void find_wait(const struct kiln_record *r, int64_t now_us, struct kiln_str *ret)
{
    KILN_AUTO_STRV seen = { 0 };
    KILN_AUTO_FREE bool *fresh = kiln_xcalloc(r->rows.n + 1, sizeof(*fresh));
    size_t n = 0;

    add_seen(r, &seen);
    for (size_t i = 0; i < r->rows.n; i++) {
        fresh[i] = is_new(r, i, &seen);
        n += fresh[i];
    }
    if (n > 0 && !wait_for_text(r, &seen, fresh, now_us, ret))
        kiln_str_adds(ret, "<waitStable 2s>");
}

/* ---- elements ---- */

/* Does the line hold a known secret? */
static bool has_secret(const struct kiln_record *r, const struct kiln_record_line *l)
{
    KILN_STRV_FOREACH (secret, &r->secrets) {
        if (secret[0] && strstr(kiln_str_cstr(&l->text), secret))
            return true;
    }
    return false;
}

/* A secret by another name. */
static void add_placeholder(const struct kiln_record *r, const struct kiln_record_line *l,
                            struct kiln_str *out)
{
    for (size_t i = 0; i < r->variables.keys.n; i++) {
        if (!kiln_streq(r->variables.values.v[i], kiln_str_cstr(&l->text)) ||
            strchr(r->variables.keys.v[i], '`'))
            continue;
        kiln_str_addf(out, "{{user `%s`}}", r->variables.keys.v[i]);
        return;
    }
    kiln_str_adds(out, KILN_RECORD_SECRET);
}

/* The text with names in the place of what they stand for; caller frees. */
static char *with_names(const struct kiln_record *r, const char *text)
{
    char *named = kiln_xstrdup(text);

    for (size_t i = 0; i < r->names.keys.n; i++) {
        const char *what = r->names.keys.v[i], *at;
        struct kiln_str out = { 0 };
        const char *rest = named;

        for (; (at = strstr(rest, what)); rest = at + strlen(what)) {
            kiln_str_add(&out, rest, (size_t)(at - rest));
            kiln_str_adds(&out, r->names.values.v[i]);
        }
        kiln_str_adds(&out, rest);
        free(named);
        named = kiln_str_steal(&out);
    }
    return named;
}

static void end_element(struct kiln_record *r)
{
    const struct kiln_bootcmd_stroke *keys = (const void *)r->keys.data;
    size_t at = 0, n = n_keys(r);
    KILN_AUTO_STR text = { 0 };

    if (n == 0) {
        clear_element(r);
        return;
    }
    kiln_str_add(&text, r->wait.data, r->wait.len);
    for (size_t i = 0; i < r->n_lines; i++) {
        const struct kiln_record_line *l = &r->lines[i];

        if (!l->text.len || (!has_secret(r, l) && !kiln_record_line_hidden(l)))
            continue;
        kiln_bootcmd_spell(keys + at, l->from - at, &text);
        add_placeholder(r, l, &text);
        at = l->to;
    }
    kiln_bootcmd_spell(keys + at, n - at, &text);
    kiln_strv_add_take(&r->elements, with_names(r, kiln_str_cstr(&text)));
    clear_element(r);
}

/* ---- keys ---- */

/* Nothing is held, and a key goes down: does it come after something that is worth a wait? */
static void begin_stroke(struct kiln_record *r, int64_t now_us)
{
    const struct kiln_record_screen screen = { &r->rows, r->cursor_row, r->cursor_column };
    KILN_AUTO_STR wait = { 0 };

    if (r->rows.n == 0 && r->begun && now_us - r->stroke_us >= PICTURE_US)
        kiln_str_addf(&wait, "<wait%llds>",
                      (long long)((now_us - r->stroke_us + KILN_SECOND(1) - 1) / KILN_SECOND(1)));
    else if (!is_typing(r))
        find_wait(r, now_us, &wait);
    if (wait.len > 0 || r->n_lines == MAX_LINES)
        end_element(r);
    kiln_str_add(&r->wait, wait.data, wait.len);
    kiln_strv_done(&r->base);
    kiln_strv_add_all(&r->base, &r->rows);
    r->stroke.from = n_keys(r);
    r->stroke.plain = true;
    r->stroke.n_named = 0;
    kiln_str_clear(&r->stroke.text);
    kiln_record_line_begin(&r->stroke.line, &screen);
}

/* The characters of a stroke continue a line, or begin one. */
static void add_to_line(struct kiln_record *r)
{
    struct kiln_record_line *l = open_line(r);

    if (!l) {
        l = &r->lines[r->n_lines++];
        *l = r->stroke.line; /* handed over */
        r->stroke.line = (struct kiln_record_line){ 0 };
        l->from = r->stroke.from;
    }
    kiln_str_add(&l->text, r->stroke.text.data, r->stroke.text.len);
    l->to = n_keys(r);
}

static void end_stroke(struct kiln_record *r, int64_t now_us)
{
    const struct stroke *s = &r->stroke;
    struct kiln_record_line *l = open_line(r);

    if (s->plain && s->text.len > 0) {
        add_to_line(r);
    } else if (l && s->n_named == 1 && s->named == KILN_KEYSYM_BACKSPACE) {
        kiln_record_line_back(l);
        l->to = n_keys(r);
    } else if (l) {
        l->ended = true;
    }
    for (size_t i = 0; i < r->rows.n; i++)
        r->info[i].changes = r->info[i].ticks = 0;
    r->stroke_us = now_us;
    r->begun = true;
}

static void take_key(struct kiln_record *r, uint32_t keysym, bool down)
{
    const struct kiln_bootcmd_stroke key = { keysym, down };
    uint32_t cp = kiln_bootcmd_char_of(keysym);

    kiln_str_add(&r->keys, &key, sizeof(key));
    r->n_all++;
    if (!down || kiln_bootcmd_is_shift(keysym))
        return;
    if (cp) {
        kiln_str_add_utf8(&r->stroke.text, cp);
    } else {
        r->stroke.plain = false;
        r->stroke.n_named++;
        r->stroke.named = keysym;
    }
}

static size_t find_held(const struct kiln_record *r, uint32_t keysym)
{
    size_t i = 0;

    while (i < r->n_held && r->held[i] != keysym)
        i++;
    return i;
}

static void let_go(struct kiln_record *r, size_t at, int64_t now_us)
{
    take_key(r, r->held[at], false);
    r->held[at] = r->held[--r->n_held];
    if (r->n_held == 0)
        end_stroke(r, now_us);
}

/* Who types fast presses a key before the last one is up, and a key that is held repeats. A
 * character that is held for no other reason is let go before the next key, and before Shift. */
static void let_go_of_chars(struct kiln_record *r, int64_t now_us)
{
    for (size_t i = 0; i < r->n_held; i++) {
        if (!kiln_bootcmd_char_of(r->held[i]) && !kiln_bootcmd_is_shift(r->held[i]))
            return;
    }
    for (size_t i = r->n_held; i-- > 0;) {
        if (kiln_bootcmd_char_of(r->held[i]))
            let_go(r, i, now_us);
    }
}

const char *kiln_record_key(struct kiln_record *r, uint32_t keysym, bool down, int64_t now_us)
{
    size_t at;

    if (!kiln_bootcmd_can_spell(keysym))
        return "a key was pressed that boot commands do not have";
    if (down || kiln_bootcmd_is_shift(keysym))
        let_go_of_chars(r, now_us);
    at = find_held(r, keysym);
    if (!down && at < r->n_held)
        let_go(r, at, now_us);
    if (!down)
        return NULL;
    if (r->n_all + MAX_HELD >= KILN_RECORD_MAX_KEYS || at == MAX_HELD)
        return "more keys were pressed than are recorded";
    if (r->n_held == 0)
        begin_stroke(r, now_us);
    take_key(r, keysym, true);
    if (at == r->n_held)
        r->held[r->n_held++] = keysym;
    return NULL;
}

void kiln_record_release(struct kiln_record *r, int64_t now_us)
{
    while (r->n_held > 0)
        let_go(r, r->n_held - 1, now_us);
}

void kiln_record_end(struct kiln_record *r, int64_t now_us)
{
    kiln_record_release(r, now_us);
    end_element(r);
}
