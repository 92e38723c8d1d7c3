/* Until the pane is there. */
#include "base/mem.h"
#include "ui/panes.h"

static void *new_pane(struct kiln_console *c)
{
    return c;
}

static void free_pane(void *pane)
{
    (void)pane;
}

static void draw(void *pane, const struct kiln_area *a, bool focused)
{
    (void)pane;
    kiln_area_printf(a, 0, 0, (struct kiln_style){ 0 }, "%s %d x %d%s", kiln_pane_help.name, a->w,
                     a->h, focused ? " *" : "");
}

const struct kiln_pane_ops kiln_pane_help = {
    .name = "help",
    .title = "Help",
    .context = KILN_CTX_GLOBAL,
    .new = new_pane,
    .free = free_pane,
    .draw = draw,
};
