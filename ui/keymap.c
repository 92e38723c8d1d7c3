#include "ui/keymap.h"

#include "base/fs.h"
#include "base/mem.h"
#include "ui/keymaps.h"

#define MAX_BINDINGS 2000
#define MAX_PROBLEMS ((size_t)64 << 10)
#define MAX_FILE     ((size_t)1 << 20)

/* One line being read. */
struct line {
    struct kiln_keymap *m;
    const char *file; /* owned by the map */
    int number;
    struct kiln_str *problems;
};

static void problem(const struct line *l, const char *fmt, ...) KILN_PRINTF(2, 3);
static void problem(const struct line *l, const char *fmt, ...)
{
    va_list ap;

    if (l->problems->len > MAX_PROBLEMS)
        return;
    kiln_str_addf(l->problems, "%s:%d: ", l->file, l->number);
    va_start(ap, fmt);
    kiln_str_addvf(l->problems, fmt, ap);
    va_end(ap);
    kiln_str_addc(l->problems, '\n');
}

/* The nearest of the words, if it is near. */
struct guess {
    const char *best;
    unsigned distance;
};

static void consider(struct guess *g, const char *wanted, const char *word)
{
    unsigned d = kiln_edit_distance(wanted, word);

    if (d <= (strlen(wanted) + 1) / 3 && (!g->best || d < g->distance))
        *g = (struct guess){ word, d };
}

static void no_such(const struct line *l, const char *what, const char *wanted, struct guess guess)
{
    if (guess.best)
        problem(l, "no %s is called \"%.60s\"; did you mean \"%s\"?", what, wanted, guess.best);
    else
        problem(l, "no %s is called \"%.60s\"", what, wanted);
}

/* ---- the words of a line ---- */

/* Cuts the next word off *at (NUL-terminated in place); NULL: none. */
static char *next_word(char **at)
{
    char *begin = *at + strspn(*at, " \t\r");
    size_t len = strcspn(begin, " \t\r");

    if (len == 0)
        return NULL;
    *at = begin + len;
    if (**at)
        *(*at)++ = '\0';
    return begin;
}

static bool find_context(const struct line *l, const char *word, enum kiln_context *ret)
{
    struct guess guess = { 0 };

    for (int i = 0; i < KILN_CTX__N; i++) {
        if (kiln_streq(kiln_context_words[i], word)) {
            *ret = (enum kiln_context)i;
            return true;
        }
        consider(&guess, word, kiln_context_words[i]);
    }
    no_such(l, "context", word, guess);
    return false;
}

static bool find_action(const struct line *l, const char *word, enum kiln_action *ret)
{
    struct guess guess = { 0 };

    *ret = kiln_streq(word, "-") ? KILN_ACT_NONE : kiln_action_find(word);
    if (*ret != KILN_ACT_NONE || kiln_streq(word, "-"))
        return true;
    for (int i = KILN_ACT_NONE + 1; i < KILN_ACT__N; i++)
        consider(&guess, word, kiln_actions[i].word);
    no_such(l, "action", word, guess);
    return false;
}

static bool is_action(const char *word)
{
    return kiln_streq(word, "-") || kiln_action_find(word) != KILN_ACT_NONE;
}

/* "up", "left" … are keys and actions: keys if an action follows. */
static bool next_is_action(const char *at)
{
    KILN_AUTO_FREE char *rest = kiln_xstrdup(at);
    char *cursor = rest, *word = next_word(&cursor);

    return word && is_action(word);
}

/* Keys, up to the action. */
static char *read_keys(const struct line *l, char **at, struct kiln_binding *b)
{
    for (;;) {
        char *word = next_word(at);
        struct kiln_key key;
        bool is_key;

        if (!word) {
            problem(l, b->n_keys ? "no action follows the keys" : "no keys and no action");
            return NULL;
        }
        is_key = kiln_key_from_text(kiln_streq(word, "hash") ? "#" : word, &key);
        if (b->n_keys > 0 && is_action(word) && !(is_key && next_is_action(*at)))
            return word;
        if (!is_key) {
            if (b->n_keys > 0)
                return word; /* reported as an action */
            problem(l, "\"%.60s\" is no key", word);
            return NULL;
        }
        if (b->n_keys == KILN_KEYMAP_MAX_KEYS) {
            problem(l, "more than %d keys", KILN_KEYMAP_MAX_KEYS);
            return NULL;
        }
        b->keys[b->n_keys++] = key;
    }
}

/* ---- the map ---- */

static size_t common_keys(const struct kiln_binding *a, const struct kiln_key *keys, size_t n_keys)
{
    size_t i = 0;

    while (i < a->n_keys && i < n_keys && a->keys[i].code == keys[i].code &&
           a->keys[i].mods == keys[i].mods)
        i++;
    return i;
}

static void remove_binding(struct kiln_keymap *m, size_t i)
{
    free(m->v[i].arg);
    memmove(m->v + i, m->v + i + 1, (--m->n - i) * sizeof(*m->v));
}

void kiln_keymap_keys_text(const struct kiln_binding *b, struct kiln_str *out)
{
    for (size_t i = 0; i < b->n_keys; i++) {
        if (i > 0)
            kiln_str_addc(out, ' ');
        kiln_key_to_text(&b->keys[i], out);
    }
}

static void tell_conflict(const struct line *l, const struct kiln_binding *old,
                          const struct kiln_binding *b)
{
    KILN_AUTO_STR keys = { 0 };

    kiln_keymap_keys_text(old, &keys);
    if (old->n_keys == b->n_keys)
        problem(l, "\"%s\" is bound already, to %s in line %d", kiln_str_cstr(&keys),
                kiln_actions[old->action].word, old->line);
    else
        problem(l, "\"%s\" is bound in line %d: one of the two would never be reached",
                kiln_str_cstr(&keys), old->line);
}

/* What stands in the way of b: of an earlier file it goes, of the same file it is a conflict. */
static bool make_room(const struct line *l, const struct kiln_binding *b)
{
    struct kiln_keymap *m = l->m;

    for (size_t i = m->n; i-- > 0;) {
        struct kiln_binding *old = &m->v[i];
        size_t common = common_keys(old, b->keys, b->n_keys);

        if (old->context != b->context || (common < old->n_keys && common < b->n_keys))
            continue;
        if (old->file == b->file && b->action != KILN_ACT_NONE) {
            tell_conflict(l, old, b);
            return false;
        }
        remove_binding(m, i);
    }
    return true;
}

static void add_binding(const struct line *l, const struct kiln_binding *b, const char *arg)
{
    struct kiln_keymap *m = l->m;

    if (!make_room(l, b) || b->action == KILN_ACT_NONE)
        return;
    if (m->n >= MAX_BINDINGS) {
        problem(l, "more than %d bindings", MAX_BINDINGS);
        return;
    }
    m->v = kiln_xrealloc(m->v, m->n + 1, sizeof(*m->v));
    m->v[m->n] = *b;
    m->v[m->n++].arg = kiln_xstrdup(arg);
}

static void take_line(const struct line *l, char *text)
{
    struct kiln_binding b = { .file = l->file, .line = l->number };
    char *at = text, *word, *action;
    size_t end;

    if (strchr(text, '#')) /* a comment: at the beginning or after white space */
        for (char *h = text; (h = strchr(h, '#')); h++)
            if (h == text || h[-1] == ' ' || h[-1] == '\t') {
                *h = '\0';
                break;
            }
    word = next_word(&at);
    if (!word || !find_context(l, word, &b.context) || !(action = read_keys(l, &at, &b)) ||
        !find_action(l, action, &b.action))
        return;
    at += strspn(at, " \t");
    end = strlen(at);
    while (end > 0 && strchr(" \t\r", at[end - 1]))
        at[--end] = '\0';
    if (end > 0 && !kiln_actions[b.action].arg) { /* "-" */
        problem(l, "\"-\" takes no argument");
        return;
    }
    if (end > 0 && !kiln_actions[b.action].arg[0]) {
        problem(l, "%s takes no argument", kiln_actions[b.action].word);
        return;
    }
    add_binding(l, &b, at);
}

void kiln_keymap_parse(struct kiln_keymap *m, const char *file, const char *text, size_t len,
                       struct kiln_str *problems)
{
    struct line l = { .m = m, .problems = problems };

    kiln_strv_add(&m->files, file);
    l.file = m->files.v[m->files.n - 1];
    while (len > 0) {
        const char *nl = memchr(text, '\n', len);
        size_t n = nl ? (size_t)(nl - text) : len;
        KILN_AUTO_FREE char *copy = kiln_xstrndup(text, n);

        l.number++;
        if (strlen(copy) == n)
            take_line(&l, copy);
        else
            problem(&l, "a NUL byte");
        n += nl != NULL;
        text += n;
        len -= n;
    }
}

void kiln_keymap_done(struct kiln_keymap *m)
{
    while (m->n)
        remove_binding(m, m->n - 1);
    free(m->v);
    kiln_strv_done(&m->files);
    memset(m, 0, sizeof(*m));
}

enum kiln_keymap_hit kiln_keymap_look(const struct kiln_keymap *m,
                                      const enum kiln_context *contexts, size_t n_contexts,
                                      const struct kiln_key *keys, size_t n_keys,
                                      const struct kiln_binding **ret)
{
    for (size_t c = 0; c < n_contexts; c++) {
        bool begins = false;

        for (size_t i = 0; i < m->n; i++) {
            const struct kiln_binding *b = &m->v[i];

            if (b->context != contexts[c] || common_keys(b, keys, n_keys) < n_keys)
                continue;
            if (b->n_keys == n_keys) {
                *ret = b;
                return KILN_KEYMAP_FOUND;
            }
            begins = true;
        }
        if (begins)
            return KILN_KEYMAP_PREFIX;
    }
    return KILN_KEYMAP_NONE;
}

/* ---- files ---- */

static bool add_file(struct kiln_keymap *m, const char *path, struct kiln_str *problems,
                     struct kiln_err *err)
{
    KILN_AUTO_STR text = { 0 };

    if (!kiln_fs_read(path, MAX_FILE, &text, err))
        return kiln_err_wrap(err, "key map");
    kiln_keymap_parse(m, path, kiln_str_cstr(&text), text.len, problems);
    return true;
}

static bool add_built_in(struct kiln_keymap *m, const char *name, struct kiln_str *problems)
{
    for (size_t i = 0; i < kiln_n_keymaps; i++) {
        if (kiln_streq(kiln_keymaps[i].name, name)) {
            KILN_AUTO_FREE char *file = kiln_xasprintf("%s.conf", name);

            kiln_keymap_parse(m, file, kiln_keymaps[i].text, kiln_keymaps[i].len, problems);
            return true;
        }
    }
    return false;
}

static char *user_file(void)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (config && config[0] == '/')
        return kiln_xasprintf("%s/kiln/keys.conf", config);
    return kiln_xasprintf("%s/.config/kiln/keys.conf", home ? home : "");
}

bool kiln_keymap_load(struct kiln_keymap *ret, const char *name, struct kiln_str *problems,
                      struct kiln_err *err)
{
    KILN_AUTO_FREE char *own = user_file();

    memset(ret, 0, sizeof(*ret));
    if (!name)
        name = "default";
    if (add_built_in(ret, name, problems))
        return !kiln_fs_exists(own) || add_file(ret, own, problems, err);
    if (!strchr(name, '/') && !kiln_fs_exists(name))
        return kiln_err_set(err, KILN_ERR_USER,
                            "no key map is called \"%s\"; there are default, vim and emacs, or a "
                            "file",
                            name);
    (void)add_built_in(ret, "default", problems);
    return add_file(ret, name, problems, err);
}
