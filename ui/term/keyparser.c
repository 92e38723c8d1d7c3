#include "ui/term/keyparser.h"

#include <assert.h>

#include "base/macros.h"

#define ESC       '\033'
#define PASTE_END "\033[201~"
#define MAX_CSI   64   /* bytes of a sequence; a longer one is none */
#define MAX_APC   4096 /* bytes of an APC string */

/* What one look at the input found. */
struct found {
    enum kiln_input what;
    size_t bytes;
};

void kiln_keyparser_feed(struct kiln_keyparser *p, const char *data, size_t len)
{
    p->in.max = KILN_KEYPARSER_MAX * 2;
    if (p->at > 0) {
        kiln_str_remove(&p->in, 0, p->at);
        p->at = 0;
    }
    kiln_str_add(&p->in, data, len);
    if (p->in.failed) /* nobody types so much between two calls */
        kiln_str_clear(&p->in);
}

void kiln_keyparser_done(struct kiln_keyparser *p)
{
    kiln_str_done(&p->in);
    kiln_str_done(&p->paste);
}

/* ---- single characters ---- */

static struct kiln_key key_of_control(unsigned char c)
{
    switch (c) {
    case '\r':
        return (struct kiln_key){ .code = KILN_KEY_ENTER };
    case '\t':
        return (struct kiln_key){ .code = KILN_KEY_TAB };
    case 0x08:
    case 0x7f:
        return (struct kiln_key){ .code = KILN_KEY_BACKSPACE };
    case 0:
        return (struct kiln_key){ .code = ' ', .mods = KILN_MOD_CTRL };
    case ESC:
        return (struct kiln_key){ .code = KILN_KEY_ESC };
    default: /* a byte, not one of our enums */
        return (struct kiln_key){ .code = c + (c < 0x1b ? 0x60u : 0x40u), .mods = KILN_MOD_CTRL };
    }
}

static size_t utf8_length(unsigned char first)
{
    return first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
}

static struct found character(const char *s, size_t len, bool late, struct kiln_key *ret)
{
    unsigned char c = (unsigned char)s[0];
    unsigned cp;
    size_t n;

    if (c < 0x20 || c == 0x7f) {
        *ret = key_of_control(c);
        return (struct found){ KILN_INPUT_KEY, 1 };
    }
    n = kiln_utf8_decode(s, len, &cp);
    if (n == 0 && len < utf8_length(c) && !late)
        return (struct found){ KILN_INPUT_MORE, 0 };
    if (n == 0 || (cp >= 0x80 && cp < 0xa0))
        return (struct found){ KILN_INPUT_NONE, n ? n : 1 }; /* no key */
    *ret = (struct kiln_key){ .code = cp };
    return (struct found){ KILN_INPUT_KEY, n };
}

/* ---- CSI and SS3 ---- */

struct csi {
    struct kiln_term_reply r; /* prefix, middle, final, params */
    size_t bytes;             /* 0: not complete, SIZE_MAX: none */
};

/* Parameters over the maximum go nowhere: VT340s tell more than anybody asked for. */
static void add_digit(struct kiln_term_reply *r, char c)
{
    int *param;

    if (r->n_params > KILN_KEYPARSER_MAX_PARAM)
        return;
    if (r->n_params == 0)
        r->n_params = 1;
    param = &r->params[r->n_params - 1];
    if (*param < 100000)
        *param = *param * 10 + (c - '0');
}

/* s begins with ESC [ */
static struct csi read_csi(const char *s, size_t len)
{
    struct csi csi = { 0 };

    for (size_t i = 2; i < len; i++) {
        char c = s[i];

        if (i >= MAX_CSI)
            return (struct csi){ .bytes = SIZE_MAX };
        if (c >= '0' && c <= '9') {
            add_digit(&csi.r, c);
        } else if (c == ';' || c == ':') {
            if (csi.r.n_params == 0)
                csi.r.n_params = 1;
            if (csi.r.n_params <= KILN_KEYPARSER_MAX_PARAM)
                csi.r.n_params++;
        } else if (c >= '<' && c <= '?' && i == 2) {
            csi.r.prefix = c;
        } else if (c >= ' ' && c <= '/') {
            csi.r.middle = c;
        } else if (c >= '@' && c <= '~') {
            if (csi.r.n_params > KILN_KEYPARSER_MAX_PARAM)
                csi.r.n_params = KILN_KEYPARSER_MAX_PARAM;
            csi.r.final = c;
            csi.bytes = i + 1;
            return csi;
        } else {
            return (struct csi){ .bytes = SIZE_MAX };
        }
    }
    return csi;
}

static const struct {
    char final;
    uint32_t code;
} by_final[] = {
    { 'A', KILN_KEY_UP },     { 'B', KILN_KEY_DOWN },   { 'C', KILN_KEY_RIGHT },
    { 'D', KILN_KEY_LEFT },   { 'H', KILN_KEY_HOME },   { 'F', KILN_KEY_END },
    { 'P', KILN_KEY_F1 },     { 'Q', KILN_KEY_F1 + 1 }, { 'R', KILN_KEY_F1 + 2 },
    { 'S', KILN_KEY_F1 + 3 }, { 'Z', KILN_KEY_TAB },    { 'M', KILN_KEY_ENTER },
    { 'I', KILN_KEY_TAB },    { 'E', KILN_KEY_HOME },
};

/* CSI N ~ ; 1 and 4, 7 and 8 are the ends on different terminals. */
static const struct {
    int number;
    uint32_t code;
} by_number[] = {
    { 1, KILN_KEY_HOME },     { 2, KILN_KEY_INSERT },   { 3, KILN_KEY_DELETE },
    { 4, KILN_KEY_END },      { 5, KILN_KEY_PGUP },     { 6, KILN_KEY_PGDN },
    { 7, KILN_KEY_HOME },     { 8, KILN_KEY_END },      { 11, KILN_KEY_F1 },
    { 12, KILN_KEY_F1 + 1 },  { 13, KILN_KEY_F1 + 2 },  { 14, KILN_KEY_F1 + 3 },
    { 15, KILN_KEY_F1 + 4 },  { 17, KILN_KEY_F1 + 5 },  { 18, KILN_KEY_F1 + 6 },
    { 19, KILN_KEY_F1 + 7 },  { 20, KILN_KEY_F1 + 8 },  { 21, KILN_KEY_F1 + 9 },
    { 23, KILN_KEY_F1 + 10 }, { 24, KILN_KEY_F1 + 11 },
};

/* xterm's parameter: 1 + shift 1, alt 2, ctrl 4. Meta counts as Alt. */
static uint32_t mods_of(int param)
{
    unsigned bits = param > 1 ? (unsigned)param - 1 : 0;

    return (bits & 1 ? KILN_MOD_SHIFT : 0) | (bits & 10 ? KILN_MOD_ALT : 0) |
           (bits & 4 ? KILN_MOD_CTRL : 0);
}

static bool key_of_csi(const struct kiln_term_reply *r, struct kiln_key *ret)
{
    uint32_t mods = r->n_params > 1 ? mods_of(r->params[1]) : 0;

    if (r->prefix || r->middle)
        return false;
    if (r->final == 'Z')
        mods |= KILN_MOD_SHIFT;
    for (size_t i = 0; r->final == '~' && i < KILN_COUNT(by_number); i++) {
        if (by_number[i].number == r->params[0]) {
            *ret = (struct kiln_key){ .code = by_number[i].code, .mods = mods };
            return true;
        }
    }
    for (size_t i = 0; i < KILN_COUNT(by_final); i++) {
        if (by_final[i].final == r->final) {
            *ret = (struct kiln_key){ .code = by_final[i].code, .mods = mods };
            return true;
        }
    }
    return false;
}

/* SGR mouse: CSI < button ; x ; y M (pressed) or m (released). Motion is no key. */
static bool key_of_mouse(const struct kiln_term_reply *r, struct kiln_key *ret)
{
    int button = r->params[0];

    if (r->prefix != '<' || r->n_params != 3 || (r->final != 'M' && r->final != 'm') ||
        (button & 32) || r->params[1] < 1 || r->params[2] < 1)
        return false;
    *ret = (struct kiln_key){ .code = KILN_KEY_MOUSE,
                              .mods = (button & 4 ? KILN_MOD_SHIFT : 0) |
                                      (button & 8 ? KILN_MOD_ALT : 0) |
                                      (button & 16 ? KILN_MOD_CTRL : 0),
                              .x = r->params[1] - 1,
                              .y = r->params[2] - 1,
                              .button = (button & 3) + (button & 64 ? 4 : 1) };
    if (r->final == 'm')
        ret->button = -ret->button;
    return true;
}

static bool is_answer(const struct kiln_term_reply *r)
{
    return (r->prefix == '?' &&
            (r->final == 'c' || r->final == 'S' || (r->middle == '$' && r->final == 'y'))) ||
           (!r->prefix && r->final == 't');
}

static struct found take_csi(struct kiln_keyparser *p, const char *s, size_t len,
                             struct kiln_key *ret_key, struct kiln_term_reply *ret_reply)
{
    struct csi csi;

    if (len >= 3 && s[2] == '[') { /* the Linux console's F1 to F5: ESC [ [ A */
        if (len < 4)
            return (struct found){ KILN_INPUT_MORE, 0 };
        *ret_key = (struct kiln_key){ .code = KILN_KEY_F1 + (uint32_t)(s[3] - 'A') };
        return (struct found){ s[3] >= 'A' && s[3] <= 'E' ? KILN_INPUT_KEY : KILN_INPUT_NONE, 4 };
    }
    csi = read_csi(s, len);
    if (csi.bytes == 0)
        return (struct found){ KILN_INPUT_MORE, 0 };
    if (csi.bytes == SIZE_MAX)
        return (struct found){ KILN_INPUT_NONE, 2 };
    if (csi.r.final == '~' && csi.r.params[0] == 200) {
        p->pasting = true;
        kiln_str_clear(&p->paste);
        return (struct found){ KILN_INPUT_NONE, csi.bytes };
    }
    if (is_answer(&csi.r)) {
        *ret_reply = csi.r;
        return (struct found){ KILN_INPUT_REPLY, csi.bytes };
    }
    if (key_of_mouse(&csi.r, ret_key) || key_of_csi(&csi.r, ret_key))
        return (struct found){ KILN_INPUT_KEY, csi.bytes };
    return (struct found){ KILN_INPUT_NONE, csi.bytes };
}

/* ESC O x: cursor and function keys, and the keypad of old terminals. */
static struct found take_ss3(const char *s, struct kiln_key *ret)
{
    const struct kiln_term_reply as_csi = { .final = s[2] };

    if (s[2] >= 'j' && s[2] <= 'y')
        *ret = (struct kiln_key){ .code = (uint32_t)s[2] - 0x40 };
    else if (!key_of_csi(&as_csi, ret))
        return (struct found){ KILN_INPUT_NONE, 3 };
    return (struct found){ KILN_INPUT_KEY, 3 };
}

/* ESC _ … ESC \ : what kitty answers to a picture. */
static struct found take_apc(const char *s, size_t len, bool late, struct kiln_term_reply *ret)
{
    const char *end = memmem(s, len, "\033\\", 2);

    if (!end && (late || len > MAX_APC))
        return (struct found){ KILN_INPUT_NONE, len };
    if (!end)
        return (struct found){ KILN_INPUT_MORE, 0 };
    *ret = (struct kiln_term_reply){ .final = '_',
                                     .ok = memmem(s, (size_t)(end - s), ";OK", 3) != NULL };
    return (struct found){ KILN_INPUT_REPLY, (size_t)(end - s) + 2 };
}

static struct found take_escape(struct kiln_keyparser *p, const char *s, size_t len, bool late,
                                struct kiln_key *ret_key, struct kiln_term_reply *ret_reply)
{
    struct found f = { KILN_INPUT_MORE, 0 };

    if (len > 1 && s[1] == ESC) { /* esc, and then something */
        *ret_key = (struct kiln_key){ .code = KILN_KEY_ESC };
        return (struct found){ KILN_INPUT_KEY, 1 };
    }
    if (len > 1 && s[1] == '[')
        f = take_csi(p, s, len, ret_key, ret_reply);
    else if (len > 1 && s[1] == '_')
        f = take_apc(s, len, late, ret_reply);
    else if (len > 2 && s[1] == 'O')
        f = take_ss3(s, ret_key);
    else if (len > 1 && s[1] != 'O') {
        f = character(s + 1, len - 1, late, ret_key);
        ret_key->mods |= KILN_MOD_ALT;
        f.bytes += f.what != KILN_INPUT_MORE;
    }
    if (f.what != KILN_INPUT_MORE || !late)
        return f;
    if (len == 2) { /* alt-[ or alt-O, typed */
        *ret_key = (struct kiln_key){ .code = (uint32_t)(unsigned char)s[1], .mods = KILN_MOD_ALT };
        return (struct found){ KILN_INPUT_KEY, 2 };
    }
    *ret_key = (struct kiln_key){ .code = KILN_KEY_ESC };
    return (struct found){ len == 1 ? KILN_INPUT_KEY : KILN_INPUT_NONE, len };
}

/* ---- pastes ---- */

/* True once its end was seen; what may be the beginning of the end stays. */
static bool take_paste(struct kiln_keyparser *p, const char *s, size_t len)
{
    const char *end = memmem(s, len, PASTE_END, strlen(PASTE_END));
    size_t n = end ? (size_t)(end - s) : len, room = KILN_KEYPARSER_MAX - p->paste.len;

    for (size_t k = 1; !end && k < strlen(PASTE_END) && k <= len; k++)
        if (memcmp(s + len - k, PASTE_END, k) == 0)
            n = len - k;
    kiln_str_add(&p->paste, s, n < room ? n : room);
    p->at += n;
    if (end) {
        p->at += strlen(PASTE_END);
        p->pasting = false;
    }
    return end != NULL;
}

enum kiln_input kiln_keyparser_next(struct kiln_keyparser *p, bool late, struct kiln_key *ret_key,
                                    struct kiln_term_reply *ret_reply)
{
    while (p->at < p->in.len) {
        const char *s = p->in.data + p->at;
        size_t len = p->in.len - p->at;
        struct found f;

        if (p->pasting) {
            if (take_paste(p, s, len))
                return KILN_INPUT_PASTE;
            return KILN_INPUT_NONE; /* a long paste: no deadline, the terminal sends its end */
        }
        f = *s == ESC ? take_escape(p, s, len, late, ret_key, ret_reply)
                      : character(s, len, late, ret_key);
        if (f.what == KILN_INPUT_MORE)
            return KILN_INPUT_MORE;
        assert(f.bytes > 0 && f.bytes <= len);
        p->at += f.bytes;
        if (f.what != KILN_INPUT_NONE)
            return f.what;
    }
    return KILN_INPUT_NONE;
}
