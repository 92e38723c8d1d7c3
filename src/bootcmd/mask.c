/* Which events spell a secret: looked for in the source text, and in what the keys type. */
#include "base/limits.h"
#include "bootcmd/keys.h"

static void mask_element(struct kiln_bootcmd *cmd, const struct kiln_bootcmd_element *el)
{
    for (size_t i = 0; i < el->n_events; i++) {
        struct kiln_bootcmd_event *ev = &cmd->events[el->event + i];

        if (el->kind == KILN_BOOTCMD_WAIT)
            continue; /* no key: how long it lasts is no secret */
        ev->masked = true;
        (void)snprintf(ev->name, sizeof(ev->name), "<sensitive>");
    }
}

/* Index of the first element that ends after `pos`. */
static size_t element_at(const struct kiln_bootcmd *cmd, size_t pos)
{
    size_t lo = 0, hi = cmd->n_elements;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (cmd->elements[mid].start + cmd->elements[mid].len <= pos)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void kiln_bootcmd_mask_range(struct kiln_bootcmd *cmd, size_t start, size_t len)
{
    for (size_t i = element_at(cmd, start); i < cmd->n_elements; i++) {
        if (cmd->elements[i].start >= start + len)
            break;
        mask_element(cmd, &cmd->elements[i]);
    }
}

/* What the keys type, and which element typed each byte (an array of uint32_t). */
struct typed {
    struct kiln_str text, element;
};

static void typed_done(struct typed *t)
{
    kiln_str_done(&t->text);
    kiln_str_done(&t->element);
}

/* The characters that an element types: bytes of the command's text, or what a special stands for.
 */
static size_t typed_by(const struct kiln_bootcmd *cmd, const struct kiln_bootcmd_element *el,
                       const char **ret_s)
{
    const char *src = cmd->text + el->start;
    unsigned cp;
    size_t n;

    *ret_s = src;
    if (el->kind == KILN_BOOTCMD_LITERAL)
        return el->len;
    if (el->kind == KILN_BOOTCMD_ON) {
        n = kiln_utf8_decode(src + 1, el->len - 1, &cp);
        *ret_s = src + 1;
        return el->len == 1 + n + strlen("on>") ? n : 0;
    }
    if (el->kind != KILN_BOOTCMD_SPECIAL)
        return 0;
    switch (cmd->events[el->event].keysym) {
    case KILN_KEYSYM_SPACE:
        *ret_s = " ";
        return 1;
    case KILN_KEYSYM_ENTER:
        *ret_s = "\n";
        return 1;
    case KILN_KEYSYM_TAB:
        *ret_s = "\t";
        return 1;
    default: /* keysyms, not an enum of ours */
        return 0;
    }
}

static void type_all(const struct kiln_bootcmd *cmd, struct typed *t)
{
    for (size_t i = 0; i < cmd->n_elements; i++) {
        uint32_t element = (uint32_t)i;
        const char *s;
        size_t n = typed_by(cmd, &cmd->elements[i], &s);

        kiln_str_add(&t->text, s, n);
        for (size_t k = 0; k < n; k++)
            kiln_str_add(&t->element, &element, sizeof(element));
    }
}

static void mask_typed(struct kiln_bootcmd *cmd, const struct typed *t, size_t start, size_t len)
{
    const uint32_t *element = (const void *)t->element.data;

    for (size_t i = element[start]; i <= element[start + len - 1]; i++)
        mask_element(cmd, &cmd->elements[i]);
}

/* Every place of one secret, overlapping ones too; no byte is masked twice for it. */
static void mask_secret(struct kiln_bootcmd *cmd, const struct typed *t, const char *text,
                        size_t text_len, const char *secret)
{
    size_t len = strlen(secret), pos = 0, masked_to = 0;

    while (len && pos < text_len) {
        const char *hit = memmem(text + pos, text_len - pos, secret, len);
        size_t start, from;

        if (!hit)
            return;
        start = (size_t)(hit - text);
        from = start > masked_to ? start : masked_to;
        masked_to = start + len;
        if (t)
            mask_typed(cmd, t, from, masked_to - from);
        else
            kiln_bootcmd_mask_range(cmd, from, masked_to - from);
        pos = start + 1;
    }
}

void kiln_bootcmd_mask(struct kiln_bootcmd *cmd, const struct kiln_strv *secrets)
{
    KILN_CLEANUP(typed_done) struct typed t = { 0 };

    type_all(cmd, &t);
    KILN_STRV_FOREACH (secret, secrets) {
        mask_secret(cmd, NULL, cmd->text, cmd->text_len, secret);
        mask_secret(cmd, &t, kiln_str_cstr(&t.text), t.text.len, secret);
    }
}
