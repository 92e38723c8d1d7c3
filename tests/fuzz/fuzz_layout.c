/* Any text as boot_keyboard_layout: what of it gets to libxkbcommon, and what that makes of it. */
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "bootcmd/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KILN_AUTO_STR name = { 0 };
    KILN_AUTO_ERR err = { 0 };
    struct kiln_layout layout = { 0 };
    struct kiln_bootcmd_event events[KILN_BOOTCMD_CHAR_EVENTS];

    kiln_str_add(&name, data, size);
    if (!kiln_layout_load(kiln_str_cstr(&name), &layout, &err))
        return 0;
    for (uint32_t code = 0x20; code < 0x180; code++)
        (void)kiln_layout_press(&layout, code, events);
    return 0;
}
