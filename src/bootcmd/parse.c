/*
 * The grammar, as ordered choices without a look back: wait, watch, toggle, special, else one
 * literal character. An error inside a duration or number is reported even if the <wait…> around it
 * then turns out not to be one; that is how Packer's generated parser behaves.
 */
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "bootcmd/keys.h"
#include "bootcmd/notes.h"
#include "bootcmd/watch.h"

#define NS_PER_SECOND ((int64_t)1000000000)
#define MAX_EVENTS    (KILN_MAX_BOOT_EVENTS + 4) /* with those of the element that goes over it */

struct parser {
    const char *s;
    size_t len, pos;
    struct kiln_str elements, events; /* arrays of the public structs */
    size_t n_elements, n_events;
    struct kiln_bootcmd_notes errors;
    size_t seen, line, column; /* line and column of byte `seen`, which only grows */
};

static bool at(const struct parser *p, size_t pos, char c)
{
    return pos < p->len && p->s[pos] == c;
}

static bool digit_at(const struct parser *p, size_t pos)
{
    return pos < p->len && p->s[pos] >= '0' && p->s[pos] <= '9';
}

static void locate(struct parser *p, size_t pos)
{
    while (p->seen < pos) {
        unsigned cp;
        size_t n = kiln_utf8_decode(p->s + p->seen, p->len - p->seen, &cp);

        p->column++;
        if (p->s[p->seen] == '\n') {
            p->line++;
            p->column = 1;
        }
        p->seen += n ? n : 1;
    }
}

/* An error as the reference's parser words it: place, rule, cause. */
static void syntax_error(struct parser *p, size_t start, size_t end, const char *rule,
                         const char *text)
{
    locate(p, start);
    kiln_bootcmd_note(&p->errors, KILN_BOOTCMD_BAD_SYNTAX, start, end - start, NULL,
                      "%zu:%zu (%zu): rule %s: %s", p->line, p->column, start, rule, text);
}

static void add_event(struct parser *p, enum kiln_bootcmd_action action, uint32_t keysym,
                      const char *name)
{
    struct kiln_bootcmd_event ev = { .keysym = keysym,
                                     .element = (uint32_t)p->n_elements,
                                     .action = action };

    (void)snprintf(ev.name, sizeof(ev.name), "%s", name);
    kiln_str_add(&p->events, &ev, sizeof(ev));
    p->n_events++;
}

/* The element whose events begin at first_event and whose text goes up to `end`; kind and times are
 * in `el`. */
static void add_element(struct parser *p, size_t end, size_t first_event,
                        struct kiln_bootcmd_element el)
{
    el.start = (uint32_t)p->pos;
    el.len = (uint32_t)(end - p->pos);
    el.event = (uint32_t)first_event;
    el.n_events = (uint32_t)(p->n_events - first_event);
    kiln_str_add(&p->elements, &el, sizeof(el));
    p->n_elements++;
    p->pos = end;
}

static void add_key(struct parser *p, enum kiln_bootcmd_kind kind, size_t end, uint32_t keysym,
                    const char *name, bool shift)
{
    const struct kiln_bootcmd_key *s = &kiln_bootcmd_shift;
    size_t first = p->n_events;

    if (kind != KILN_BOOTCMD_OFF) {
        if (shift)
            add_event(p, KILN_BOOTCMD_DOWN, s->keysym, s->name);
        add_event(p, KILN_BOOTCMD_DOWN, keysym, name);
    }
    if (kind != KILN_BOOTCMD_ON) {
        add_event(p, KILN_BOOTCMD_UP, keysym, name);
        if (shift)
            add_event(p, KILN_BOOTCMD_UP, s->keysym, s->name);
    }
    add_element(p, end, first, (struct kiln_bootcmd_element){ .kind = kind });
}

/* The keysym of a character is its code point, also above Latin-1: Packer adds no 0x01000000. */
static void add_char(struct parser *p, enum kiln_bootcmd_kind kind, size_t end, unsigned cp)
{
    char name[KILN_BOOTCMD_NAME_SIZE];

    kiln_bootcmd_char_name(name, cp);
    add_key(p, kind, end, cp, name, kiln_bootcmd_shifted(cp));
}

/* integer = "0" | [1-9][0-9]*; returns its end, `pos` if there is none. */
static size_t match_integer(struct parser *p, size_t pos, int64_t *ret_value, bool *ret_bad)
{
    KILN_AUTO_FREE char *digits = NULL;
    size_t end = pos;

    if (at(p, pos, '0')) {
        *ret_value = 0;
        return pos + 1;
    }
    while (digit_at(p, end))
        end++;
    if (end == pos)
        return pos;
    digits = kiln_xstrndup(p->s + pos, end - pos);
    if (!kiln_parse_i64(digits, ret_value)) {
        KILN_AUTO_FREE char *text =
            kiln_xasprintf("strconv.ParseInt: parsing \"%s\": value out of range", digits);

        syntax_error(p, pos, end, "Integer", text);
        *ret_bad = true;
    }
    return end;
}

/* ["-"] integer ["." digit+]; returns its end, `pos` if there is none. */
static size_t match_number(struct parser *p, size_t pos, bool *ret_bad)
{
    size_t start = at(p, pos, '-') ? pos + 1 : pos;
    int64_t ignored;
    size_t end = match_integer(p, start, &ignored, ret_bad);

    if (end == start)
        return pos;
    if (at(p, end, '.') && digit_at(p, end + 1)) {
        end += 2;
        while (digit_at(p, end))
            end++;
    }
    return end;
}

static size_t match_unit(const struct parser *p, size_t pos)
{
    static const char *const units[] = { "ns", "us", "\xC2\xB5s", "ms", "s", "m", "h" };

    for (size_t i = 0; i < KILN_COUNT(units); i++) {
        size_t n = strlen(units[i]);

        if (n <= p->len - pos && memcmp(p->s + pos, units[i], n) == 0)
            return pos + n;
    }
    return pos;
}

/* duration = (number unit)+; returns its end, `pos` if there is none. */
static size_t match_duration(struct parser *p, size_t pos, int64_t *ret_ns, bool *ret_bad)
{
    KILN_AUTO_FREE char *text = NULL;
    KILN_AUTO_ERR err = { 0 };
    size_t end = pos;

    for (;;) {
        size_t number = match_number(p, end, ret_bad);
        size_t unit = match_unit(p, number);

        if (number == end || unit == number)
            break;
        end = unit;
    }
    if (end == pos)
        return pos;
    text = kiln_xstrndup(p->s + pos, end - pos);
    if (!kiln_duration_parse(text, ret_ns, &err)) {
        syntax_error(p, pos, end, "Duration", kiln_err_text(&err));
        *ret_bad = true;
    }
    return end;
}

/* A whole number of seconds. A bare zero loses its number in the reference: it means one second. */
static size_t match_seconds(struct parser *p, size_t pos, int64_t *ret_ns, bool *ret_bad)
{
    int64_t seconds = 1;
    size_t end = match_integer(p, pos, &seconds, ret_bad);

    if (seconds == 0)
        seconds = 1;
    if (__builtin_mul_overflow(seconds, NS_PER_SECOND, ret_ns)) {
        syntax_error(p, pos, end, "Integer", "the wait is longer than 292 years");
        *ret_bad = true;
    }
    return end;
}

/* duration | seconds; returns its end, `pos` if there is none. */
static size_t match_time(struct parser *p, size_t pos, int64_t *ret_ns, bool *ret_bad)
{
    size_t seen_errors = p->errors.n, end = match_duration(p, pos, ret_ns, ret_bad);

    /* Both ways begin with the same number: one that is out of range was reported by the first. */
    if (end == pos && p->errors.n == seen_errors)
        end = match_seconds(p, pos, ret_ns, ret_bad);
    return end;
}

static void want_positive(struct parser *p, size_t end, int64_t ns)
{
    KILN_AUTO_STR got = { 0 };

    if (ns > 0)
        return;
    kiln_duration_format(&got, ns);
    kiln_bootcmd_note(&p->errors, KILN_BOOTCMD_BAD_WAIT, p->pos, end - p->pos, NULL,
                      "Expecting a positive wait value. Got %s", kiln_str_cstr(&got));
}

static void add_wait(struct parser *p, size_t end, const struct kiln_bootcmd_element *el)
{
    size_t first = p->n_events;

    add_event(p, KILN_BOOTCMD_PAUSE, 0, "wait");
    add_element(p, end, first, *el);
}

static bool parse_wait(struct parser *p)
{
    struct kiln_bootcmd_element el = { .kind = KILN_BOOTCMD_WAIT, .wait_ns = NS_PER_SECOND };
    bool bad = false;
    size_t end;

    if (p->len - p->pos < strlen("<wait") || memcmp(p->s + p->pos, "<wait", strlen("<wait")) != 0)
        return false;
    end = match_time(p, p->pos + strlen("<wait"), &el.wait_ns, &bad);
    if (!at(p, end, '>'))
        return false;
    if (!bad)
        want_positive(p, end + 1, el.wait_ns);
    add_wait(p, end + 1, &el);
    return true;
}

/* One of the times of a watch: a word of its own. False: it is none. */
static bool parse_watch_time(struct parser *p, size_t offset, size_t end, int64_t *ret_ns)
{
    int64_t ns = 0;
    bool bad = false;
    size_t stop;

    if (offset == 0)
        return true;
    stop = match_time(p, p->pos + offset, &ns, &bad);
    if (!at(p, stop, ' ') && !at(p, stop, '>'))
        return false;
    if (!bad)
        want_positive(p, end, ns);
    *ret_ns = ns;
    return true;
}

/* What could only ever time out, and would say that the screen went on changing. */
static void want_time_to_rest(struct parser *p, size_t end, const struct kiln_bootcmd_element *el)
{
    KILN_AUTO_STR still = { 0 }, limit = { 0 };

    if (el->still_ns <= 0 || el->wait_ns <= 0 || el->still_ns < el->wait_ns)
        return;
    kiln_duration_format(&still, el->still_ns);
    kiln_duration_format(&limit, el->wait_ns);
    kiln_bootcmd_note(&p->errors, KILN_BOOTCMD_BAD_WAIT, p->pos, end - p->pos, NULL,
                      "the screen cannot rest for %s within %s: write <waitStable STILL TIME> with "
                      "a longer TIME",
                      kiln_str_cstr(&still), kiln_str_cstr(&limit));
}

static bool parse_watch(struct parser *p)
{
    struct kiln_bootcmd_watch w;
    size_t len = kiln_bootcmd_match_watch(p->s + p->pos, p->len - p->pos, &w), end = p->pos + len;
    struct kiln_bootcmd_element el = { .kind = w.kind,
                                       .wait_ns = KILN_BOOTCMD_LIMIT_NS,
                                       .still_ns = w.kind == KILN_BOOTCMD_WAIT_STABLE
                                                       ? KILN_BOOTCMD_STILL_NS
                                                       : 0 };

    if (len == 0 || !parse_watch_time(p, w.still, end, &el.still_ns) ||
        !parse_watch_time(p, w.limit, end, &el.wait_ns))
        return false;
    want_time_to_rest(p, end, &el);
    if (w.kind == KILN_BOOTCMD_WAIT_TEXT) {
        el.regex = (uint32_t)(p->pos + w.regex);
        el.regex_len = (uint32_t)w.regex_len;
    }
    add_wait(p, end, &el);
    return true;
}

/* "on>" or "off>", in any case: true, and the end and what it means. */
static bool match_switch(const struct parser *p, size_t pos, enum kiln_bootcmd_kind *ret_kind,
                         size_t *ret_end)
{
    static const struct {
        const char *word;
        enum kiln_bootcmd_kind kind;
    } words[] = { { "on>", KILN_BOOTCMD_ON }, { "off>", KILN_BOOTCMD_OFF } };

    for (size_t i = 0; i < KILN_COUNT(words); i++) {
        if (kiln_bootcmd_begins(p->s + pos, p->len - pos, words[i].word)) {
            *ret_kind = words[i].kind;
            *ret_end = pos + strlen(words[i].word);
            return true;
        }
    }
    return false;
}

static bool parse_toggle(struct parser *p)
{
    enum kiln_bootcmd_kind kind;
    unsigned cp;
    size_t n, end;

    if (!at(p, p->pos, '<'))
        return false;
    n = kiln_utf8_decode(p->s + p->pos + 1, p->len - p->pos - 1, &cp);
    if (n == 0 || !match_switch(p, p->pos + 1 + n, &kind, &end))
        return false;
    add_char(p, kind, end, cp);
    return true;
}

static bool parse_special(struct parser *p)
{
    enum kiln_bootcmd_kind kind = KILN_BOOTCMD_SPECIAL;
    const struct kiln_bootcmd_key *key;
    size_t end;

    if (!at(p, p->pos, '<'))
        return false;
    key = kiln_bootcmd_key_at(p->s + p->pos + 1, p->len - p->pos - 1);
    if (!key)
        return false;
    end = p->pos + 1 + strlen(key->name);
    if (at(p, end, '>'))
        end++;
    else if (!match_switch(p, end, &kind, &end))
        return false;
    add_key(p, kind, end, key->keysym, key->name, false);
    return true;
}

static void parse_literal(struct parser *p)
{
    unsigned cp = 0xFFFD;
    size_t n = kiln_utf8_decode(p->s + p->pos, p->len - p->pos, &cp);

    if (n == 0) {
        n = 1;
        syntax_error(p, p->pos, p->pos + 1, "Literal", "invalid encoding (not UTF-8)");
    }
    add_char(p, KILN_BOOTCMD_LITERAL, p->pos + n, cp);
}

static bool parse_token(struct parser *p)
{
    return parse_wait(p) || parse_watch(p) || parse_toggle(p) || parse_special(p);
}

static void parse_items(struct parser *p)
{
    while (p->pos < p->len && p->errors.n <= KILN_BOOTCMD_MAX_NOTES) {
        size_t start = p->pos;

        if (!parse_token(p))
            parse_literal(p);
        if (p->n_events > KILN_MAX_BOOT_EVENTS) {
            kiln_bootcmd_note(&p->errors, KILN_BOOTCMD_BAD_SYNTAX, start, p->pos - start, NULL,
                              "boot command: more than %d key events; let the guest fetch a long "
                              "text over HTTP instead of typing it",
                              KILN_MAX_BOOT_EVENTS);
            return;
        }
    }
}

/* All messages into err, one per line; the notes move over to the caller's list. */
static bool report(struct parser *p, struct kiln_bootcmd_notes *notes, struct kiln_err *err)
{
    KILN_AUTO_STR all = { 0 };

    for (size_t i = 0; i < p->errors.n; i++) {
        const struct kiln_bootcmd_note *e = &p->errors.v[i];

        kiln_str_addf(&all, "%s%s", i ? "\n" : "", e->text);
        kiln_bootcmd_note(notes, e->kind, e->start, e->len, e->fix, "%s", e->text);
    }
    return kiln_err_set(err, KILN_ERR_USER, "%s", kiln_str_cstr(&all));
}

/* With its NULs, if any: a template may hold \u0000. */
static char *copy_of(const char *text, size_t len)
{
    char *copy = kiln_xmalloc(len + 1);

    if (len)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

static void parser_done(struct parser *p)
{
    kiln_str_done(&p->elements);
    kiln_str_done(&p->events);
    kiln_bootcmd_notes_done(&p->errors);
}

bool kiln_bootcmd_is_token(const char *s, size_t len)
{
    KILN_CLEANUP(parser_done) struct parser p = { .s = s, .len = len, .line = 1, .column = 1 };

    return parse_token(&p) || p.errors.n > 0;
}

bool kiln_bootcmd_parse(const char *text, size_t len, struct kiln_bootcmd *ret_cmd,
                        struct kiln_bootcmd_notes *notes, struct kiln_err *err)
{
    KILN_CLEANUP(parser_done)
    struct parser p = {
        .s = text,
        .len = len,
        .elements = KILN_STR_MAX(MAX_EVENTS * sizeof(struct kiln_bootcmd_element)),
        .events = KILN_STR_MAX(MAX_EVENTS * sizeof(struct kiln_bootcmd_event)),
        .line = 1,
        .column = 1,
    };

    if (len > KILN_MAX_RENDERED)
        return kiln_err_set(err, KILN_ERR_USER, "boot command: %zu bytes, at most %u are allowed",
                            len, KILN_MAX_RENDERED);
    parse_items(&p);
    if (p.errors.n)
        return report(&p, notes, err);
    if (!kiln_str_ok(&p.elements, "boot command", err) ||
        !kiln_str_ok(&p.events, "boot command", err))
        return false;
    *ret_cmd = (struct kiln_bootcmd){
        .text = copy_of(text, len),
        .text_len = len,
        .elements = (void *)kiln_str_steal(&p.elements),
        .n_elements = p.n_elements,
        .events = (void *)kiln_str_steal(&p.events),
        .n_events = p.n_events,
    };
    return true;
}
