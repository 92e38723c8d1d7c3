/* What cli/ loads. */
#include "ui/console.h"
#include "ui/console_priv.h"

const struct kiln_ui_ops kiln_ui_ops = {
    .run = kiln_console_run,
    .check_keymap = kiln_console_check_keymap,
};
