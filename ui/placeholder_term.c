/* Until the terminal is there. */
#include "ui/term.h"

void kiln_term_forget(struct kiln_term *t)
{
    (void)t;
}

void kiln_term_mouse(struct kiln_term *t, bool on)
{
    (void)t;
    (void)on;
}

void kiln_term_set_max_bps(struct kiln_term *t, long bytes_per_second)
{
    (void)t;
    (void)bytes_per_second;
}
