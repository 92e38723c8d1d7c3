#include "bootcmd/notes.h"

#include <stdarg.h>

#include "base/mem.h"

static void push(struct kiln_bootcmd_notes *notes, const struct kiln_bootcmd_note *note)
{
    if (notes->n == notes->cap) {
        notes->cap = notes->cap ? notes->cap * 2 : 8;
        notes->v = kiln_xrealloc(notes->v, notes->cap, sizeof(*notes->v));
    }
    notes->v[notes->n++] = *note;
}

void kiln_bootcmd_note(struct kiln_bootcmd_notes *notes, enum kiln_bootcmd_note_kind kind,
                       size_t start, size_t len, const char *fix, const char *fmt, ...)
{
    struct kiln_bootcmd_note note = { .kind = kind, .start = start, .len = len };
    va_list ap;

    if (!notes || notes->n > KILN_BOOTCMD_MAX_NOTES)
        return;
    if (notes->n == KILN_BOOTCMD_MAX_NOTES) {
        note.text =
            kiln_xasprintf("more than %d problems; the rest is not listed", KILN_BOOTCMD_MAX_NOTES);
    } else {
        va_start(ap, fmt);
        note.text = kiln_xvasprintf(fmt, ap);
        va_end(ap);
        note.fix = kiln_xstrdup(fix);
    }
    push(notes, &note);
}

void kiln_bootcmd_notes_done(struct kiln_bootcmd_notes *notes)
{
    for (size_t i = 0; i < notes->n; i++) {
        free(notes->v[i].text);
        free(notes->v[i].fix);
    }
    free(notes->v);
    *notes = (struct kiln_bootcmd_notes){ 0 };
}
