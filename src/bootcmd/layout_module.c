/* Layouts as xkb describes them. */
#include <xkbcommon/xkbcommon.h>

#include "bootcmd/layout_ops.h"

#include <dirent.h>

#include "base/mem.h"

#define EVDEV_OFFSET 8 /* xkb's key codes are evdev's and this */

extern const struct kiln_layout_ops kiln_layout_ops;

/* The keys that type characters, the best ones first: what a US keyboard has, the 102nd one, then
 * those of Japanese keyboards. evdev's codes are XT's, but for the last two. */
static const struct range {
    uint8_t first, last; /* evdev */
    uint8_t scancode;    /* XT, of the first */
} ranges[] = {
    { 2, 13, 2 },   { 16, 27, 16 },   { 30, 40, 30 },     { 43, 53, 43 },
    { 57, 57, 57 }, { 86, 86, 0x56 }, { 124, 124, 0x7D }, { 89, 89, 0x73 },
};

/* The key left of 1. Where a character is elsewhere, too, consoles and xkb do not agree on it. */
static const struct range left_of_1 = { 41, 41, 41 };

static void quiet(struct xkb_context *context, enum xkb_log_level level, const char *fmt,
                  va_list args)
{
    (void)context, (void)level, (void)fmt, (void)args; /* the caller says what is wrong */
}

static struct xkb_context *new_context(void)
{
    struct xkb_context *context =
        xkb_context_new(XKB_CONTEXT_NO_ENVIRONMENT_NAMES | XKB_CONTEXT_NO_DEFAULT_INCLUDES);

    if (context) {
        xkb_context_set_log_fn(context, quiet);
        (void)xkb_context_include_path_append_default(context);
    }
    return context;
}

/* The modifiers that we can press for it, if any of its ways needs no others. */
static bool can_press(struct xkb_keymap *keymap, xkb_keycode_t code, xkb_level_index_t level,
                      struct kiln_layout_key *key)
{
    xkb_mod_mask_t shift = 1u << xkb_keymap_mod_get_index(keymap, XKB_MOD_NAME_SHIFT);
    xkb_mod_mask_t altgr = 1u << xkb_keymap_mod_get_index(keymap, "Mod5"), masks[16];
    size_t n = xkb_keymap_key_get_mods_for_level(keymap, code, 0, level, masks, KILN_COUNT(masks));

    for (size_t i = 0; i < n; i++) {
        if (masks[i] & ~(shift | altgr))
            continue;
        key->shift = masks[i] & shift;
        key->altgr = masks[i] & altgr;
        return true;
    }
    return false;
}

static void add_level(struct xkb_keymap *keymap, xkb_keycode_t code, xkb_level_index_t level,
                      uint8_t scancode, bool altgr, struct kiln_layout *out)
{
    struct kiln_layout_key key = { .scancode = scancode };
    const xkb_keysym_t *syms;

    if (xkb_keymap_key_get_syms_by_level(keymap, code, 0, level, &syms) != 1)
        return;
    key.codepoint = xkb_keysym_to_utf32(syms[0]);
    if (key.codepoint < ' ' || key.codepoint == 0x7F || out->n == KILN_LAYOUT_MAX_KEYS)
        return;
    if (can_press(keymap, code, level, &key) && key.altgr == altgr &&
        !kiln_layout_find(out, key.codepoint))
        out->keys[out->n++] = key;
}

static void add_key(struct xkb_keymap *keymap, uint8_t evdev, uint8_t scancode, bool altgr,
                    struct kiln_layout *out)
{
    xkb_keycode_t code = evdev + EVDEV_OFFSET;
    xkb_level_index_t n = xkb_keymap_num_levels_for_key(keymap, code, 0);

    for (xkb_level_index_t level = 0; level < n; level++)
        add_level(keymap, code, level, scancode, altgr, out);
}

static void add_range(struct xkb_keymap *keymap, const struct range *r, bool altgr,
                      struct kiln_layout *out)
{
    for (uint8_t k = r->first; k <= r->last; k++)
        add_key(keymap, k, (uint8_t)(r->scancode + k - r->first), altgr, out);
}

/* A character may be on several keys: one without AltGr is the safest. */
static void add_keys(struct xkb_keymap *keymap, struct kiln_layout *out)
{
    for (size_t i = 0; i < KILN_COUNT(ranges) * 2; i++)
        add_range(keymap, &ranges[i % KILN_COUNT(ranges)], i >= KILN_COUNT(ranges), out);
    add_range(keymap, &left_of_1, false, out);
    add_range(keymap, &left_of_1, true, out);
}

static bool load(const char *layout, const char *variant, struct kiln_layout *layout_out)
{
    const struct xkb_rule_names names = {
        .rules = "evdev", .model = "pc105", .layout = layout, .variant = variant, .options = ""
    };
    struct xkb_context *context = new_context();
    struct xkb_keymap *keymap =
        context ? xkb_keymap_new_from_names(context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS) : NULL;

    if (keymap)
        add_keys(keymap, layout_out);
    xkb_keymap_unref(keymap);
    xkb_context_unref(context);
    return keymap != NULL;
}

static void add_names(const char *include_path, struct kiln_strv *out)
{
    KILN_AUTO_FREE char *path = kiln_xasprintf("%s/symbols", include_path);
    DIR *dir = opendir(path);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.')
            kiln_strv_add(out, entry->d_name);
    }
    if (dir)
        (void)closedir(dir);
}

static void names(struct kiln_strv *out)
{
    struct xkb_context *context = new_context();

    for (unsigned i = 0; context && i < xkb_context_num_include_paths(context); i++)
        add_names(xkb_context_include_path_get(context, i), out);
    xkb_context_unref(context);
}

const struct kiln_layout_ops kiln_layout_ops = { .load = load, .names = names };
