/* The {{ }} language: any text renders or fails, soon, and a checked text parses the same way. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "template/interp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void render(const struct kiln_interp *ctx, const char *text)
{
    KILN_AUTO_STR out = { 0 };
    KILN_AUTO_ERR err = { 0 }, check_err = { 0 };
    size_t offset = 0;
    bool ok = kiln_interp_render(ctx, text, &out, &offset, &err);

    assert(ok == (err.msg == NULL));
    assert(offset <= strlen(text));
    if (!kiln_interp_check(ctx, text, NULL, &check_err))
        assert(!ok);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = { "ID", NULL };
    KILN_AUTO_FREE char *text = kiln_xstrndup((const char *)data, size);
    KILN_AUTO_STRMAP map = { 0 };
    KILN_AUTO_STR out = { 0 };

    kiln_strmap_set(&map, "a", "va");
    kiln_strmap_set(&map, "ID", "{{user `a`}}");
    render(&(struct kiln_interp){ .user = &map, .build_keys = keys }, text);
    render(&(struct kiln_interp){ .user = &map,
                                  .data = &map,
                                  .build = &map,
                                  .strict_fields = true,
                                  .start_us = 1795219243012345 },
           text);
    if (size < 200) {
        (void)kiln_interp_render_stable(&(struct kiln_interp){ .user = &map }, text, &out, NULL);
        (void)kiln_interp_render_again(&(struct kiln_interp){ .user = &map }, text, &out, NULL);
    }
    return 0;
}
