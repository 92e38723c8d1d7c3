/*
 * Which character of a template's boot command became which of the text that is typed.
 *
 *     raw    preseed=http://{{ .HTTPIP }}:{{ .HTTPPort }}/p.cfg
 *            |-- literal --||-- action --||action ------|literal
 *     text   preseed=http://10.0.2.2:8042/p.cfg
 *
 * Literal pieces are the same on both sides; all that a {{ }} made belongs to that {{ }}. Where the
 * pieces cannot be found again (an {{if}} left one out), everything between the first and the last
 * of them belongs together. Pure; one thread.
 */
#ifndef KILN_UI_BOOTMAP_H
#define KILN_UI_BOOTMAP_H

#include <stdbool.h>
#include <stddef.h>

enum kiln_bootmap_kind {
    KILN_BOOTMAP_LITERAL,
    KILN_BOOTMAP_ACTION, /* {{ }}, or several in a row */
    KILN_BOOTMAP_SECRET, /* "<sensitive>": text that is not shown */
};

struct kiln_bootmap_span {
    size_t raw, raw_len;
    size_t text, text_len;
    enum kiln_bootmap_kind kind;
};

/* The spans cover both texts, in order and without gaps. */
struct kiln_bootmap {
    struct kiln_bootmap_span *v; /* owned */
    size_t n;
};

#define KILN_BOOTMAP_SECRET_MARK "<sensitive>" /* as events show it */

/** @text  what raw was rendered to; NULL: it was not, and stands for itself */
void kiln_bootmap_make(struct kiln_bootmap *m, const char *raw, const char *text);
void kiln_bootmap_done(struct kiln_bootmap *m);

/** What made `len` (1 or more) bytes of text from `start` on. */
void kiln_bootmap_to_raw(const struct kiln_bootmap *m, size_t start, size_t len, size_t *ret_start,
                         size_t *ret_len);
/** What the character at a byte of raw made; *ret_len may be 0. */
void kiln_bootmap_to_text(const struct kiln_bootmap *m, size_t raw, size_t *ret_start,
                          size_t *ret_len);
/** The span that a byte of raw is in; NULL: behind the end. */
const struct kiln_bootmap_span *kiln_bootmap_at_raw(const struct kiln_bootmap *m, size_t raw);
/** The same for a byte of the text. */
const struct kiln_bootmap_span *kiln_bootmap_at_text(const struct kiln_bootmap *m, size_t text);

#endif
