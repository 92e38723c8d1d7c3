/*
 * The guest's screen as cells: as text where it is a text screen, else as blocks. Work comes in
 * slices, and only rows that changed are converted. One thread.
 */
#ifndef KILN_UI_SCREEN_VIEW_H
#define KILN_UI_SCREEN_VIEW_H

#include "ui/screen/pixels.h"
#include "ui/screen/text_screen.h"

struct kiln_screen_view {
    const struct kiln_pixels_ops *ops; /* borrowed; NULL: text screens only */
    enum kiln_symbols symbols;
    int colors;         /* as in struct kiln_term_caps */
    int cell_w, cell_h; /* the same */
    bool text_wanted;   /* false: as it looks */
    bool text_always;   /* also where much of it has no room */

    const struct kiln_text_screen *text; /* borrowed; NULL: nobody has told */
    bool was_text;                       /* shown as text; the text of then may be gone */
    struct kiln_regex *search;           /* borrowed; is marked in it; NULL: nothing */
    const struct kiln_picture *picture;  /* the newest one, borrowed; NULL: none */
    int area_cols, area_rows;
    int cols, rows; /* of the picture in cells; 0: shown as text */
    struct kiln_picture scaled, fresh;
    struct kiln_cell *cells; /* owned, rows * cols */
    bool *stale;             /* owned, rows */
    int left, top;           /* what of a text screen is in sight begins here */
    bool scrolled;           /* by the user; else the last row with text is in sight */
};

void kiln_screen_view_done(struct kiln_screen_view *v);
/** There is a new picture (which stays where it is until the next one), or NULL: none. */
void kiln_screen_view_set(struct kiln_screen_view *v, const struct kiln_picture *picture);
/** The text is this now, or has changed. */
void kiln_screen_view_set_text(struct kiln_screen_view *v, const struct kiln_text_screen *text);
/** Is there text? */
bool kiln_screen_view_has_text(const struct kiln_screen_view *v);
/** Bring a row of the text into sight. */
void kiln_screen_view_show_row(struct kiln_screen_view *v, int row);
/** It is shown in an area of this size, 1 x 1 at least. Cheap if nothing changes. */
void kiln_screen_view_resize(struct kiln_screen_view *v, int cols, int rows);
/** After one of the settings above was changed: everything is made anew. */
void kiln_screen_view_forget(struct kiln_screen_view *v);
/** Is it shown as text at the moment? */
bool kiln_screen_view_as_text(const struct kiln_screen_view *v);
/** Convert some rows, a few milliseconds and about max_rows at most. True: there is more to do. */
bool kiln_screen_view_work(struct kiln_screen_view *v, int max_rows);
bool kiln_screen_view_pending(const struct kiln_screen_view *v); /* the same, without working */
/** Cells into an area of that size, in its middle. */
void kiln_screen_view_draw(const struct kiln_screen_view *v, const struct kiln_area *a);
/** Move a text screen that does not fit; false: it is none or it fits. */
bool kiln_screen_view_scroll(struct kiln_screen_view *v, int dx, int dy);

#endif
