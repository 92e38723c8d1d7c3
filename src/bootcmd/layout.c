#include "bootcmd/layout.h"

#include "base/mem.h"
#include "base/module.h"
#include "bootcmd/keys.h"
#include "bootcmd/layout_ops.h"
#include "bootcmd/spell.h"

static const struct modifier {
    struct kiln_bootcmd_key key;
    uint8_t scancode;
} shift_key = { { "leftShift", 0xFFE1 }, 0x2A },
  altgr_key = { { "rightAlt", 0xFFEA }, KILN_LAYOUT_ALTGR };

/* ---- names ---- */

static bool is_name(const char *s)
{
    return s[0] &&
           s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] == '\0';
}

/* "us:dvorak", "us(dvorak)" or "us" */
static bool split(const char *name, char **ret_layout, char **ret_variant)
{
    size_t n = strcspn(name, ":(");
    const char *rest = name + n;
    size_t len = strlen(rest);

    if (rest[0] == '(' && rest[len - 1] != ')')
        return false;
    *ret_layout = kiln_xstrndup(name, n);
    *ret_variant = len == 0 ? kiln_xstrdup("") : kiln_xstrndup(rest + 1, len - 1 - (*rest == '('));
    return is_name(*ret_layout) && (len == 0 || is_name(*ret_variant));
}

/* What people call it, where that is far from xkb's name. */
static const char *known_as(const char *name)
{
    static const char *const names[][2] = { { "uk", "gb" },    { "en", "us" },    { "ja", "jp" },
                                            { "jp106", "jp" }, { "sv", "se" },    { "da", "dk" },
                                            { "cs", "cz" },    { "azerty", "fr" } };

    for (size_t i = 0; i < KILN_COUNT(names); i++) {
        if (kiln_streq(name, names[i][0]))
            return names[i][1];
    }
    return NULL;
}

static const char *nearest(const char *name, const struct kiln_strv *names)
{
    const char *best = known_as(name);
    unsigned least = best ? 0 : 2; /* one letter off */

    KILN_STRV_FOREACH (candidate, names) {
        unsigned distance = kiln_edit_distance(name, candidate);

        if (distance < least) {
            least = distance;
            best = candidate;
        }
    }
    return best;
}

#define LIST "xkb's names are in /usr/share/X11/xkb/rules/base.lst"

static bool unknown(const struct kiln_layout_ops *ops, const char *layout, const char *variant,
                    struct kiln_err *err)
{
    KILN_AUTO_STRV names = { 0 };
    struct kiln_layout ignored = { 0 };
    const char *meant;

    if (!ops->load("us", "", &ignored))
        return kiln_err_set(err, KILN_ERR_SYSTEM,
                            "keyboard layouts are missing on this host: install xkb-data");
    ignored.n = 0;
    if (variant[0] && ops->load(layout, "", &ignored))
        return kiln_err_set(err, KILN_ERR_USER,
                            "the keyboard layout \"%s\" has no variant \"%s\"; " LIST, layout,
                            variant);
    ops->names(&names);
    meant = nearest(layout, &names);
    if (meant)
        return kiln_err_set(err, KILN_ERR_USER,
                            "there is no keyboard layout \"%s\": did you mean \"%s\"?", layout,
                            meant);
    return kiln_err_set(err, KILN_ERR_USER, "there is no keyboard layout \"%s\"; " LIST, layout);
}

bool kiln_layout_load(const char *name, struct kiln_layout *ret_layout, struct kiln_err *err)
{
    KILN_AUTO_FREE char *layout = NULL, *variant = NULL;
    struct kiln_layout got = { 0 };
    const struct kiln_layout_ops *ops;

    if (!split(name, &layout, &variant) || strlen(name) >= sizeof(got.name))
        return kiln_err_set(err, KILN_ERR_USER,
                            "\"%s\" is no keyboard layout: write one as \"fr\", with a variant as "
                            "\"us:dvorak\" or \"ch(fr)\"",
                            name);
    ops = kiln_module_load("layout", err);
    if (!ops)
        return false;
    if (!ops->load(layout, variant, &got))
        return unknown(ops, layout, variant, err);
    (void)snprintf(got.name, sizeof(got.name), "%s", name);
    *ret_layout = got;
    return true;
}

/* ---- keys ---- */

const struct kiln_layout_key *kiln_layout_find(const struct kiln_layout *layout, uint32_t codepoint)
{
    for (size_t i = 0; i < layout->n; i++) {
        if (layout->keys[i].codepoint == codepoint)
            return &layout->keys[i];
    }
    return NULL;
}

static struct kiln_bootcmd_event event_of(const struct modifier *m, enum kiln_bootcmd_action action)
{
    struct kiln_bootcmd_event ev = { .keysym = m->key.keysym,
                                     .scancode = m->scancode,
                                     .action = action };

    (void)snprintf(ev.name, sizeof(ev.name), "%s", m->key.name);
    return ev;
}

/* Half of a press: the modifiers and the key down, or up in the opposite order. */
static size_t half(const struct kiln_layout_key *key, enum kiln_bootcmd_action action,
                   struct kiln_bootcmd_event *ret)
{
    struct kiln_bootcmd_event own = { .keysym = key->codepoint,
                                      .scancode = key->scancode,
                                      .action = action };
    bool down = action == KILN_BOOTCMD_DOWN;
    size_t n = 0;

    kiln_bootcmd_char_name(own.name, key->codepoint);
    if (!down)
        ret[n++] = own;
    if (key->shift && down)
        ret[n++] = event_of(&shift_key, action);
    if (key->altgr)
        ret[n++] = event_of(&altgr_key, action);
    if (key->shift && !down)
        ret[n++] = event_of(&shift_key, action);
    if (down)
        ret[n++] = own;
    return n;
}

/* The key of a US keyboard that the keysym stands for. */
static struct kiln_layout_key us_key(uint32_t codepoint)
{
    return (struct kiln_layout_key){ .codepoint = codepoint,
                                     .shift = kiln_bootcmd_shifted(codepoint) };
}

size_t kiln_layout_press(const struct kiln_layout *layout, uint32_t codepoint,
                         struct kiln_bootcmd_event ret[KILN_BOOTCMD_CHAR_EVENTS])
{
    const struct kiln_layout_key us = us_key(codepoint), *key = kiln_layout_find(layout, codepoint);
    size_t n;

    key = key ? key : &us;
    n = half(key, KILN_BOOTCMD_DOWN, ret);
    n += half(key, KILN_BOOTCMD_UP, ret + n);
    for (size_t i = 0; key == &us && i < n; i++)
        ret[i].scancode = 0;
    return n;
}

size_t kiln_layout_by_hand(const struct kiln_layout *layout, struct kiln_layout_hand *hand,
                           uint32_t keysym, bool down,
                           struct kiln_bootcmd_event ret[KILN_LAYOUT_HAND_EVENTS])
{
    enum kiln_bootcmd_action action = down ? KILN_BOOTCMD_DOWN : KILN_BOOTCMD_UP;
    uint32_t codepoint = kiln_bootcmd_char_of(keysym);
    const struct kiln_layout_key *key = codepoint ? kiln_layout_find(layout, codepoint) : NULL;
    struct kiln_layout_key missing; /* what the person does not hold */
    bool lifts;
    size_t n = 0;

    if (kiln_bootcmd_is_shift(keysym))
        hand->shift = down;
    if (!key) {
        ret[0] = (struct kiln_bootcmd_event){ .keysym = keysym, .action = action };
        return 1;
    }
    missing = *key;
    missing.shift = key->shift && !hand->shift;
    lifts = hand->shift && !key->shift;
    if (lifts && down)
        ret[n++] = event_of(&shift_key, KILN_BOOTCMD_UP);
    n += half(&missing, action, ret + n);
    if (lifts && !down)
        ret[n++] = event_of(&shift_key, KILN_BOOTCMD_DOWN);
    return n;
}

/* ---- commands ---- */

/* The layout's key of an element that types a character, or only presses or releases it. */
static const struct kiln_layout_key *key_of(const struct kiln_layout *layout,
                                            const struct kiln_bootcmd *cmd,
                                            const struct kiln_bootcmd_element *el)
{
    bool toggle = el->kind == KILN_BOOTCMD_ON || el->kind == KILN_BOOTCMD_OFF;
    const char *text = cmd->text + el->start + toggle;
    unsigned cp;

    if (!toggle && el->kind != KILN_BOOTCMD_LITERAL)
        return NULL;
    if (toggle && kiln_bootcmd_key_at(text, el->len - 1))
        return NULL; /* <leftCtrlOn> */
    return kiln_utf8_decode(text, el->len - toggle, &cp) ? kiln_layout_find(layout, cp) : NULL;
}

static size_t remake(const struct kiln_layout_key *key, enum kiln_bootcmd_kind kind,
                     struct kiln_bootcmd_event *ret)
{
    size_t n = 0;

    if (kind != KILN_BOOTCMD_OFF)
        n += half(key, KILN_BOOTCMD_DOWN, ret);
    if (kind != KILN_BOOTCMD_ON)
        n += half(key, KILN_BOOTCMD_UP, ret + n);
    return n;
}

void kiln_layout_apply(const struct kiln_layout *layout, struct kiln_bootcmd *cmd)
{
    struct kiln_bootcmd_event *events =
        kiln_xcalloc(cmd->n_elements * KILN_BOOTCMD_CHAR_EVENTS + 1, sizeof(*events));
    size_t n = 0;

    for (size_t i = 0; i < cmd->n_elements; i++) {
        struct kiln_bootcmd_element *el = &cmd->elements[i];
        const struct kiln_layout_key *key = key_of(layout, cmd, el);
        size_t first = n;

        if (key) {
            n += remake(key, el->kind, events + n);
        } else {
            memcpy(events + n, cmd->events + el->event, el->n_events * sizeof(*events));
            n += el->n_events;
        }
        for (size_t k = first; k < n; k++)
            events[k].element = (uint32_t)i;
        el->event = (uint32_t)first;
        el->n_events = (uint32_t)(n - first);
    }
    free(cmd->events);
    cmd->events = events;
    cmd->n_events = n;
    cmd->layout = layout->name;
}
