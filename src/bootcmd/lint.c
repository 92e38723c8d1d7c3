/* What parses but is hardly meant. Findings, not errors: a boot command may really type <html>. */
#include "base/mem.h"
#include "bootcmd/keys.h"
#include "bootcmd/notes.h"

#define MAX_TOKEN 24 /* bytes between < and >; longer ones are no attempt at a key */
#define MAX_HELD  64 /* how many keys held at one time are watched */

/* Names that people know from elsewhere, in lower case. */
static const struct {
    const char *wrong, *right;
} aliases[] = {
    { "delete", "del" },      { "backspace", "bs" },        { "escape", "esc" },
    { "space", "spacebar" },  { "ctrl", "leftCtrl" },       { "control", "leftCtrl" },
    { "alt", "leftAlt" },     { "shift", "leftShift" },     { "super", "leftSuper" },
    { "win", "leftSuper" },   { "windows", "leftSuper" },   { "option", "leftOption" },
    { "cmd", "leftCommand" }, { "command", "leftCommand" }, { "pgup", "pageUp" },
    { "pgdn", "pageDown" },   { "pgdown", "pageDown" },     { "pagedn", "pageDown" },
    { "ins", "insert" },      { "newline", "enter" },       { "ret", "return" },
    { "cr", "enter" },        { "leftarrow", "left" },      { "rightarrow", "right" },
    { "uparrow", "up" },      { "downarrow", "down" },
};

/* A copy of n bytes without those in `drop`, in lower case (ASCII, whatever the locale). */
static char *lowered(const char *s, size_t n, const char *drop)
{
    char *out = kiln_xmalloc(n + 1), *to = out;

    for (size_t i = 0; i < n; i++) {
        if (!strchr(drop, s[i]))
            *to++ = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] - 'A' + 'a' : s[i]);
    }
    *to = '\0';
    return out;
}

/* The key that `word` (lower case) is, is another name of, or misspells; or NULL. */
static const char *right_key(const char *word)
{
    unsigned best = strlen(word) > 4 ? 3 : 2; /* one more than what is accepted */
    const char *ret = NULL;

    for (size_t i = 0; i < KILN_COUNT(aliases); i++) {
        if (kiln_streq(word, aliases[i].wrong))
            return aliases[i].right;
    }
    for (size_t i = 0; i < kiln_bootcmd_n_keys; i++) {
        const char *name = kiln_bootcmd_keys[i].name;
        KILN_AUTO_FREE char *low = lowered(name, strlen(name), "");
        unsigned distance = kiln_edit_distance(word, low);

        /* <f13> is near to <f12> and means something else. */
        if (distance < best && (distance == 0 || name[0] != 'f')) {
            best = distance;
            ret = name;
        }
    }
    return ret;
}

/* "<KEY>", "<KEYOn>" or "<KEYOff>" for a word in lower case; NULL if no key is near. */
static char *fix_key(const char *word)
{
    static const char *const suffixes[] = { "On", "Off", "" };

    for (size_t i = 0; i < KILN_COUNT(suffixes); i++) {
        size_t len = strlen(word), n = strlen(suffixes[i]);
        KILN_AUTO_FREE char *stem = NULL;
        const char *key;

        if (len <= n || !kiln_bootcmd_begins(word + len - n, n, suffixes[i]))
            continue;
        stem = kiln_xstrndup(word, len - n);
        key = right_key(stem);
        if (key)
            return kiln_xasprintf("<%s%s>", key, suffixes[i]);
    }
    return NULL;
}

static bool is_wait(const char *candidate, enum kiln_bootcmd_kind kind)
{
    KILN_AUTO_BOOTCMD cmd = { 0 };

    return kiln_bootcmd_parse(candidate, strlen(candidate), &cmd, NULL, NULL) &&
           cmd.n_elements == 1 && cmd.elements[0].kind == kind;
}

/* The wait that was meant by wait05, wait.5s, wait1.5, wait-5, wait5sec, waiton (lower case). */
static char *fix_wait(const char *word)
{
    static const char *const ends[] = { "", "s" };
    const char *number = word + strlen("wait");
    const char *zero;

    number += strspn(number, "=:+-0");
    zero = *number == '.' ? "0" : "";
    for (size_t i = 0; i < KILN_COUNT(ends); i++) {
        KILN_AUTO_FREE char *candidate = kiln_xasprintf("<wait%s%s%s>", zero, number, ends[i]);

        if (is_wait(candidate, KILN_BOOTCMD_WAIT))
            return kiln_xstrdup(candidate);
    }
    return kiln_xasprintf("<wait%.*s>", (int)strspn(number, "0123456789"), number);
}

/* With the times behind it, if they are such. */
static char *fix_stable(const char *inner, size_t len)
{
    KILN_AUTO_FREE char *times = NULL, *candidate = NULL;
    size_t at = 0;

    while (at < len && (inner[at] | 0x20) != 'e') /* the only one of the word */
        at++;
    at += at < len;
    at += strspn(inner + at, " \t_-");
    if (at >= len)
        return kiln_xstrdup("<waitStable>");
    times = lowered(inner + at, len - at, "");
    candidate = kiln_xasprintf("<waitStable %s>", times);
    return kiln_xstrdup(is_wait(candidate, KILN_BOOTCMD_WAIT_STABLE) ? candidate : "<waitStable>");
}

/* What to write instead of a token; NULL: no idea. */
static char *fix_of(const char *inner, size_t len)
{
    KILN_AUTO_FREE char *word = lowered(inner, len, " \t_-");

    if (kiln_has_prefix(word, "waitstable"))
        return fix_stable(inner, len);
    if (!kiln_has_prefix(word, "wait"))
        return fix_key(word);
    free(word);
    word = lowered(inner, len, " \t");
    return fix_wait(word);
}

static bool word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_.+-", c));
}

static size_t span(const char *s, size_t len, bool spaces)
{
    size_t n = 0;

    while (n < len && n <= MAX_TOKEN && (word_char(s[n]) || (spaces && s[n] == ' ')))
        n++;
    return n;
}

/* <wait and a quote: a wait for text (watch.h) was meant, and something about it is wrong. */
static bool lint_watch(const struct kiln_bootcmd *cmd, size_t pos, struct kiln_bootcmd_notes *notes)
{
    const char *s = cmd->text + pos, *end;
    size_t left = cmd->text_len - pos, quote = strlen("<wait");

    if (!kiln_bootcmd_begins(s, left, "<wait"))
        return false;
    while (quote < left && s[quote] == ' ')
        quote++;
    if (quote >= left || !strchr("'\"/`", s[quote]))
        return false;
    end = memchr(s, '>', left);
    kiln_bootcmd_note(
        notes, KILN_BOOTCMD_TYPED, pos, end ? (size_t)(end - s) + 1 : quote, NULL,
        "a wait for text is written <wait 'REGEX'> or <wait 'REGEX' 90s>: this is typed "
        "letter by letter");
    return true;
}

/* Does any of it spell a secret, from element i up to byte `end`? */
static bool is_masked(const struct kiln_bootcmd *cmd, size_t i, size_t end)
{
    for (; i < cmd->n_elements && cmd->elements[i].start < end; i++) {
        if (cmd->events[cmd->elements[i].event].masked)
            return true;
    }
    return false;
}

/* `<`, element i, is typed as such. Was it meant to open a key? Not in a password. */
static void lint_bracket(const struct kiln_bootcmd *cmd, size_t i, struct kiln_bootcmd_notes *notes)
{
    size_t pos = cmd->elements[i].start;
    const char *s = cmd->text + pos + 1;
    size_t left = cmd->text_len - pos - 1;
    size_t word = span(s, left, false), inner = span(s, left, true);
    bool closed = inner < left && s[inner] == '>';
    KILN_AUTO_FREE char *fix = NULL;
    KILN_AUTO_BOOTCMD key = { 0 };

    if (word == 0 || word > MAX_TOKEN || !strchr("abcdefghijklmnopqrstuvwxyz", s[0] | 0x20) ||
        is_masked(cmd, i, pos + inner + 2))
        return;
    if (closed && inner <= MAX_TOKEN) {
        fix = fix_of(s, inner);
        if (fix || inner == word)
            kiln_bootcmd_note(notes, KILN_BOOTCMD_TYPED, pos, inner + 2, fix,
                              "<%.*s> is not a key: it is typed letter by letter", (int)inner, s);
        return;
    }
    /* Without an end it must be a key to the letter: `a <b` is no attempt at one. Nor is
     * `<wait{{ .X }}>` before it is rendered. */
    if (word == 1 || (word < left && s[word] == '{'))
        return;
    fix = kiln_xasprintf("<%.*s>", (int)word, s);
    if (kiln_bootcmd_parse(fix, strlen(fix), &key, NULL, NULL) && key.n_elements == 1)
        kiln_bootcmd_note(notes, KILN_BOOTCMD_TYPED, pos, word + 1, fix,
                          "<%.*s has no \">\": it is typed letter by letter", (int)word, s);
}

static void lint_brackets(const struct kiln_bootcmd *cmd, struct kiln_bootcmd_notes *notes)
{
    size_t template_end = 0; /* just after the }} of the template action that we are in */

    for (size_t i = 0; i < cmd->n_elements; i++) {
        size_t pos = cmd->elements[i].start, left = cmd->text_len - pos;
        const char *s = cmd->text + pos, *end;

        if (pos < template_end || cmd->elements[i].kind != KILN_BOOTCMD_LITERAL)
            continue;
        if (left >= 2 && memcmp(s, "{{", 2) == 0) {
            end = memmem(s, left, "}}", 2);
            template_end = end ? (size_t)(end - cmd->text) + 2 : cmd->text_len;
        } else if (*s == '<' && !lint_watch(cmd, pos, notes)) {
            lint_bracket(cmd, i, notes);
        }
    }
}

struct held {
    size_t n;
    struct {
        uint32_t keysym, element;
    } keys[MAX_HELD]; /* in the order they were pressed */
};

static void track(struct held *held, const struct kiln_bootcmd_event *ev)
{
    size_t i = 0;

    while (i < held->n && held->keys[i].keysym != ev->keysym)
        i++;
    if (ev->action == KILN_BOOTCMD_DOWN && i == held->n && i < MAX_HELD) {
        held->keys[i].keysym = ev->keysym;
        held->keys[i].element = ev->element;
        held->n++;
    } else if (ev->action == KILN_BOOTCMD_UP && i < held->n) {
        held->n--;
        memmove(&held->keys[i], &held->keys[i + 1], (held->n - i) * sizeof(held->keys[0]));
    }
}

static void lint_held(const struct kiln_bootcmd *cmd, struct kiln_bootcmd_notes *notes)
{
    struct held held = { 0 };

    for (size_t i = 0; i < cmd->n_events; i++)
        track(&held, &cmd->events[i]);
    for (size_t i = 0; i < held.n; i++) {
        const struct kiln_bootcmd_element *el = &cmd->elements[held.keys[i].element];
        const struct kiln_bootcmd_event *ev = &cmd->events[el->event];
        KILN_AUTO_FREE char *fix = NULL;

        if (i > 0 && held.keys[i].element == held.keys[i - 1].element)
            continue; /* <XOn> holds Shift and X: said once */
        if (ev->masked) {
            kiln_bootcmd_note(notes, KILN_BOOTCMD_HELD, el->start, el->len, NULL,
                              "%s is never released: the guest sees that key held down to the end",
                              ev->name);
            continue;
        }
        fix = kiln_xasprintf("%.*sOff>", (int)(el->len - strlen("on>")), cmd->text + el->start);
        kiln_bootcmd_note(notes, KILN_BOOTCMD_HELD, el->start, el->len, fix,
                          "%.*s is never released: the guest sees that key held down to the end",
                          (int)el->len, cmd->text + el->start);
    }
}

void kiln_bootcmd_lint(const struct kiln_bootcmd *cmd, struct kiln_bootcmd_notes *notes)
{
    lint_brackets(cmd, notes);
    lint_held(cmd, notes);
}
