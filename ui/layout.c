#include "ui/layout.h"

#define THREE_COLUMNS 75
#define MAX_COLUMN    52 /* of builds and boot command: more would be empty */
#define MIN_LOG_ROWS  3

static int min(int a, int b)
{
    return a < b ? a : b;
}

/* The panes side by side at the top. */
static void make_top(struct kiln_panes_layout *l, const struct kiln_layout_want *want, int h)
{
    struct kiln_rect r = { .x = 0, .y = 1, .w = min(want->cols / 3, MAX_COLUMN), .h = h };

    if (want->cols < THREE_COLUMNS)
        r.w = want->cols * 45 / 100;
    l->panes[KILN_PANE_BUILDS] = r;
    r.x += r.w + 1;
    if (want->cols < THREE_COLUMNS) {
        r.w = want->cols - r.x;
        l->panes[want->shared] = r;
        return;
    }
    l->panes[KILN_PANE_BOOT] = r;
    r.x += r.w + 1;
    r.w = want->cols - r.x;
    l->panes[KILN_PANE_SCREEN] = r;
}

void kiln_layout_make(struct kiln_panes_layout *l, const struct kiln_layout_want *want)
{
    int inside = want->rows - 3; /* two rows of titles and the bottom line */
    int top = inside * 48 / 100, y = top + 2;
    int prompt = want->prompt_rows;

    memset(l, 0, sizeof(*l));
    if (want->zoom || want->focus == KILN_PANE_HELP) {
        l->panes[want->focus] =
            (struct kiln_rect){ .x = 0, .y = 1, .w = want->cols, .h = want->rows - 2 };
        return;
    }
    make_top(l, want, top);
    if (prompt > 0) {
        prompt = min(prompt, want->rows - 1 - y - 1 - MIN_LOG_ROWS);
        l->panes[KILN_PANE_PROMPT] =
            (struct kiln_rect){ .x = 0, .y = y, .w = want->cols, .h = prompt };
        y += prompt + 1;
    }
    l->panes[KILN_PANE_LOG] =
        (struct kiln_rect){ .x = 0, .y = y, .w = want->cols, .h = want->rows - 1 - y };
}
