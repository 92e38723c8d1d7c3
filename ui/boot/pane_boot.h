/* The state of the boot command's pane, which its files share: pane_boot.c changes it,
 * pane_boot_record.c fills it with what is recorded, pane_boot_state.c reads it, pane_boot_draw.c
 * shows it. */
#ifndef KILN_UI_PANE_BOOT_H
#define KILN_UI_PANE_BOOT_H

#include "ui/boot/bootlist.h"
#include "ui/boot/editor.h"
#include "ui/model.h"
#include "ui/panes.h"

struct kiln_boot_pane {
    struct kiln_console *c; /* borrowed */
    char *label;            /* of the build that it shows; NULL: none */
    uint64_t row;           /* of boot_steps */
    struct kiln_editor *editor;
    struct kiln_layout layout;  /* the one that was needed last */
    struct kiln_bootlist plan;  /* what the build is going to type */
    struct kiln_bootlist draft; /* what the edit means; while `edited` */
    bool counted;               /* keys_before is known */
    uint64_t keys_before;       /* key events of the rows before */
    bool editing;               /* keys go to the editor */
    bool edited;                /* the editor's text is not the plan's; the pane stays on its row */
    bool recording;             /* somebody drives the guest by hand */
    struct kiln_strv kept;      /* what had been typed before; strings */
    size_t told;                /* elements of the recording that the edit has */
    bool late;                  /* there was one before we came */
    char *saved;      /* owned: the text that was written into the template last; NULL: none */
    char *writing;    /* owned: the one that is being written */
    char *applying;   /* owned: the one that is to be typed, as it was sent */
    char *by_hand;    /* owned: raw text of the edit as it was recorded; NULL: it is not */
    bool asking;      /* a preview is under way */
    bool again;       /* the text has changed meanwhile */
    int64_t asked_us; /* when; KILN_NEVER once it takes too long */
    char *problem;    /* owned: why the draft cannot be rendered; NULL: it is, or the build is
                         over */
    size_t cursor;    /* row of the list; while editing the editor has one */
    bool follow;      /* the cursor stays on what is sent next */
    size_t top;       /* first row of the list in sight */
    int page;         /* how many are */
};

/** The build and the row that are shown; NULL: not known. Borrowed from the model. */
const struct kiln_model_build *kiln_boot_pane_build(const struct kiln_boot_pane *p);
const struct kiln_model_boot *kiln_boot_pane_model(const struct kiln_boot_pane *p);
/** All of the row went out. */
bool kiln_boot_pane_typed(const struct kiln_boot_pane *p);
/** Nothing of it will go out any more: the build is over. */
bool kiln_boot_pane_over(const struct kiln_boot_pane *p);
/** A list of the row's keys: of these lines, rendered or NULL. */
void kiln_boot_pane_make_list(struct kiln_boot_pane *p, const struct kiln_model_boot *boot,
                              const struct kiln_strv *lines, const char *rendered,
                              struct kiln_bootlist *l);
/** Count the keys of the rows before: keys are counted over all rows. */
void kiln_boot_pane_count(struct kiln_boot_pane *p);
/** What is shown: the draft or the plan. */
const struct kiln_bootlist *kiln_boot_pane_list(const struct kiln_boot_pane *p);
/** Row of the shown list that is sent next: those before it are sent. n_rows: all are. */
size_t kiln_boot_pane_next(const struct kiln_boot_pane *p);
/** The element of the draft that an edit goes on with; false: what was sent has been changed, so it
 *  is not known. */
bool kiln_boot_pane_from(const struct kiln_boot_pane *p, uint64_t *ret);
/** The rows under the cursor, and the characters. */
void kiln_boot_pane_selection(const struct kiln_boot_pane *p, size_t *ret_row, size_t *ret_rows,
                              size_t *ret_raw, size_t *ret_raw_len);
/** A place of the boot command, as in breakpoints and stops: true and the event of the shown list
 *  that it stands before (n_events: the end), if it is one of the shown row. */
bool kiln_boot_pane_event_at(const struct kiln_boot_pane *p, const struct kiln_place *at,
                             size_t *ret);

/** The editor's text is another one: an edit, or none any more. */
void kiln_boot_pane_changed(struct kiln_boot_pane *p);
/** The edit counts, from this element on. */
void kiln_boot_pane_send(struct kiln_boot_pane *p, uint64_t from);
/** A RECORD event of the shown build: the edit is what has been typed, and what is recorded. */
void kiln_boot_pane_recorded(struct kiln_boot_pane *p, const struct kiln_event *ev);
/** Another build is shown, or another row: is something recorded there, or was and not used? */
void kiln_boot_pane_look_for_recording(struct kiln_boot_pane *p);
/** Back to the guest as it was before typing, and type the edit; what is planned if there is none.
 */
void kiln_boot_pane_retype(struct kiln_boot_pane *p);
/** It is to be applied: ask how, for what was recorded has been pressed already. */
void kiln_boot_pane_apply_recorded(struct kiln_boot_pane *p);

/** Would something be lost with the pane: an edit that is neither applied nor in the template? */
bool kiln_boot_pane_unsaved(const void *pane);

void kiln_boot_pane_draw(struct kiln_boot_pane *p, const struct kiln_area *a, bool focused);

#endif
