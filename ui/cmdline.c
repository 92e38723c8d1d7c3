#include "ui/cmdline.h"

#include "base/mem.h"

#define MAX_TEXT    4096
#define MAX_HISTORY 500

static void set(struct kiln_cmdline *l, const char *text)
{
    kiln_str_clear(&l->text);
    kiln_str_adds(&l->text, text);
    l->at = l->text.len;
}

static void forget_offers(struct kiln_cmdline *l)
{
    kiln_strv_done(&l->offers);
    l->offer = 0;
}

void kiln_cmdline_open(struct kiln_cmdline *l, const char *text)
{
    l->open = true;
    l->text.max = MAX_TEXT;
    l->recall = l->history.n;
    forget_offers(l);
    set(l, text);
}

static void remember(struct kiln_cmdline *l)
{
    const char *text = kiln_str_cstr(&l->text);

    if (!text[0] || (l->history.n > 0 && kiln_streq(l->history.v[l->history.n - 1], text)))
        return;
    if (l->history.n >= MAX_HISTORY) {
        KILN_AUTO_STRV rest = { 0 };

        for (size_t i = 1; i < l->history.n; i++)
            kiln_strv_add(&rest, l->history.v[i]);
        kiln_strv_done(&l->history);
        kiln_strv_add_all(&l->history, &rest);
    }
    kiln_strv_add(&l->history, text);
}

void kiln_cmdline_close(struct kiln_cmdline *l)
{
    if (!l->forgets)
        remember(l);
    else if (l->text.len > 0)
        explicit_bzero(l->text.data, l->text.len);
    if (l->forgets)
        set(l, "");
    l->open = false;
    forget_offers(l);
    free(l->draft);
    l->draft = NULL;
}

void kiln_cmdline_done(struct kiln_cmdline *l)
{
    kiln_str_done(&l->text);
    kiln_strv_done(&l->history);
    kiln_strv_done(&l->offers);
    free(l->draft);
    memset(l, 0, sizeof(*l));
}

void kiln_cmdline_insert(struct kiln_cmdline *l, const char *text, size_t len)
{
    KILN_AUTO_STR whole = { 0 };

    if (l->text.len + len > MAX_TEXT)
        return;
    kiln_str_add(&whole, l->text.data, l->at);
    for (size_t i = 0; i < len; i++) /* a pasted line break must not run anything */
        kiln_str_addc(&whole, (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i]);
    l->at = whole.len;
    kiln_str_adds(&whole, kiln_str_cstr(&l->text) + (l->at - len));
    kiln_str_clear(&l->text);
    kiln_str_add(&l->text, whole.data, whole.len);
    forget_offers(l);
}

static void remove_range(struct kiln_cmdline *l, size_t from, size_t to)
{
    kiln_str_remove(&l->text, from, to - from);
    l->at = from;
    forget_offers(l);
}

static bool is_inside(char c) /* a UTF-8 sequence */
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t before(const struct kiln_cmdline *l, size_t at)
{
    const char *text = kiln_str_cstr(&l->text);

    while (at > 0 && is_inside(text[--at])) {
    }
    return at;
}

static size_t after(const struct kiln_cmdline *l, size_t at)
{
    const char *text = kiln_str_cstr(&l->text);

    if (at < l->text.len)
        at++;
    while (at < l->text.len && is_inside(text[at]))
        at++;
    return at;
}

static size_t word_before(const struct kiln_cmdline *l)
{
    const char *text = kiln_str_cstr(&l->text);
    size_t at = l->at;

    while (at > 0 && text[at - 1] == ' ')
        at--;
    while (at > 0 && text[at - 1] != ' ')
        at--;
    return at;
}

/* by: -1 older, 1 newer */
static void recall(struct kiln_cmdline *l, int by)
{
    size_t to = l->recall;

    if ((by < 0 && to == 0) || (by > 0 && to >= l->history.n))
        return;
    if (to == l->history.n) {
        free(l->draft);
        l->draft = kiln_xstrdup(kiln_str_cstr(&l->text));
    }
    to = by < 0 ? to - 1 : to + 1;
    l->recall = to;
    forget_offers(l);
    set(l, to < l->history.n ? l->history.v[to] : l->draft ? l->draft : "");
}

static enum kiln_cmdline_result control(struct kiln_cmdline *l, uint32_t ch)
{
    switch (ch) {
    case 'a':
        l->at = 0;
        break;
    case 'e':
        l->at = l->text.len;
        break;
    case 'b':
        l->at = before(l, l->at);
        break;
    case 'f':
        l->at = after(l, l->at);
        break;
    case 'd':
        remove_range(l, l->at, after(l, l->at));
        break;
    case 'k':
        remove_range(l, l->at, l->text.len);
        break;
    case 'u':
        remove_range(l, 0, l->at);
        break;
    case 'w':
        remove_range(l, word_before(l), l->at);
        break;
    case 'p':
        recall(l, -1);
        break;
    case 'n':
        recall(l, 1);
        break;
    case 'j':
        return KILN_CMDLINE_DONE;
    case 'c':
    case 'g':
        return KILN_CMDLINE_LEFT;
    default: /* a character, not one of our enums */
        break;
    }
    return KILN_CMDLINE_MORE;
}

static enum kiln_cmdline_result named(struct kiln_cmdline *l, uint32_t code)
{
    size_t at = l->at;

    switch (code) {
    case KILN_KEY_ENTER:
        return KILN_CMDLINE_DONE;
    case KILN_KEY_ESC:
        return KILN_CMDLINE_LEFT;
    case KILN_KEY_TAB:
        return KILN_CMDLINE_COMPLETE;
    case KILN_KEY_BACKSPACE:
        if (l->text.len == 0)
            return KILN_CMDLINE_LEFT;
        remove_range(l, before(l, at), at);
        return KILN_CMDLINE_MORE;
    case KILN_KEY_DELETE:
        return control(l, 'd');
    case KILN_KEY_LEFT:
        return control(l, 'b');
    case KILN_KEY_RIGHT:
        return control(l, 'f');
    case KILN_KEY_HOME:
        return control(l, 'a');
    case KILN_KEY_END:
        return control(l, 'e');
    case KILN_KEY_UP:
        return control(l, 'p');
    case KILN_KEY_DOWN:
        return control(l, 'n');
    default: /* keys that do nothing here */
        return KILN_CMDLINE_MORE;
    }
}

enum kiln_cmdline_result kiln_cmdline_key(struct kiln_cmdline *l, const struct kiln_key *key)
{
    KILN_AUTO_STR text = { 0 };

    if (key->code >= KILN_KEY_UP)
        return named(l, key->code);
    if (key->mods & KILN_MOD_CTRL)
        return control(l, key->code);
    if (key->mods == 0) {
        kiln_str_add_utf8(&text, key->code);
        kiln_cmdline_insert(l, text.data, text.len);
    }
    return KILN_CMDLINE_MORE;
}

/* ---- completion ---- */

static void put_word(struct kiln_cmdline *l, const char *word, size_t len)
{
    KILN_AUTO_STRV offers = l->offers;
    size_t at = l->at;

    l->offers = (struct kiln_strv){ 0 }; /* editing forgets them */
    kiln_str_remove(&l->text, l->word_at, at - l->word_at);
    l->at = l->word_at;
    kiln_cmdline_insert(l, word, len);
    l->offers = offers;
    offers = (struct kiln_strv){ 0 };
}

static size_t common_prefix(const struct kiln_strv *words)
{
    size_t len = strlen(words->v[0]);

    for (size_t i = 1; i < words->n; i++) {
        size_t k = 0;

        while (k < len && words->v[i][k] == words->v[0][k])
            k++;
        len = k;
    }
    while (len > 0 && is_inside(words->v[0][len]))
        len--;
    return len;
}

void kiln_cmdline_offer(struct kiln_cmdline *l, bool backwards)
{
    size_t n = l->offers.n, offer = l->offer, common;

    if (n == 0)
        return;
    common = common_prefix(&l->offers);
    if (n == 1) {
        KILN_AUTO_FREE char *word = kiln_xasprintf("%s ", l->offers.v[0]);

        put_word(l, word, strlen(word));
        forget_offers(l);
        return;
    }
    if (offer >= n && common > l->at - l->word_at) { /* the first Tab: what is sure */
        put_word(l, l->offers.v[0], common);
        l->offer = n;
        return;
    }
    if (offer >= n)
        offer = backwards ? n - 1 : 0;
    else
        offer = (offer + (backwards ? n - 1 : 1)) % n;
    put_word(l, l->offers.v[offer], strlen(l->offers.v[offer]));
    l->offer = offer;
}
