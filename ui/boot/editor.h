/*
 * A small editor for a list of strings, one a line, in an area of the canvas. Long lines wrap.
 *
 *     arrows home end pgup pgdn, ctrl-a e b f p n, alt-b f and ctrl-left right   move
 *     enter                                        begin a new string
 *     backspace delete, ctrl-d                     delete a character, join two strings
 *     ctrl-k, ctrl-w, alt-d, ctrl-y                kill to the end, a word back, a word on; yank
 *     ctrl-u or ctrl-_, ctrl-r                     undo, redo
 *
 * A string may hold any character but NUL; control characters show as '?'. Pure; one thread.
 */
#ifndef KILN_UI_EDITOR_H
#define KILN_UI_EDITOR_H

#include "base/strv.h"
#include "ui/term/canvas.h"
#include "ui/term/key.h"

#define KILN_EDITOR_MAX ((size_t)256 << 10) /* bytes of all strings; more is not taken */

struct kiln_editor;

struct kiln_editor *kiln_editor_new(void);
void kiln_editor_free(struct kiln_editor *e);

/** Other strings (copied), cursor at the beginning, nothing to undo. */
void kiln_editor_set(struct kiln_editor *e, const struct kiln_strv *lines);
/** The strings as they are now; an empty text has none. Adds. */
void kiln_editor_get(const struct kiln_editor *e, struct kiln_strv *ret);

/** Where the cursor is: string, byte in it. */
void kiln_editor_cursor(const struct kiln_editor *e, size_t *ret_line, size_t *ret_byte);
void kiln_editor_move_to(struct kiln_editor *e, size_t line, size_t byte); /* clamps */

/** True if the key was for the editor. *ret_changed: it changed the text. */
bool kiln_editor_key(struct kiln_editor *e, const struct kiln_key *key, bool *ret_changed);
/** Text at the cursor; line ends begin new strings, other control characters but tabs are dropped,
 *  what is no UTF-8 becomes U+FFFD. False: it would be too long. */
bool kiln_editor_paste(struct kiln_editor *e, const char *text, size_t len);

/** How the character at a byte of a string looks. */
typedef struct kiln_style kiln_editor_style_fn(void *ud, size_t line, size_t byte);
/**
 * Draw, scrolled so that the cursor is in sight. Line numbers stand to the left.
 * @cursor  show the terminal's cursor
 */
void kiln_editor_draw(struct kiln_editor *e, const struct kiln_area *a, bool cursor,
                      kiln_editor_style_fn *style, void *ud);

#endif
