#include "ui/screen/kitty.h"

#include "base/encode.h"

#define CHUNK 3072u /* bytes that are 4096 in base64: the protocol's maximum */

void kiln_kitty_show(struct kiln_str *out, unsigned id, int cols, int rows, const void *png,
                     size_t len)
{
    const char *p = png;

    kiln_str_addf(out, "\033_Ga=T,f=100,i=%u,p=1,c=%d,r=%d,C=1,q=2,", id, cols, rows);
    while (true) {
        size_t n = len < CHUNK ? len : CHUNK;

        kiln_str_addf(out, "m=%d;", n < len);
        kiln_base64_add(out, p, n);
        kiln_str_adds(out, "\033\\");
        p += n;
        len -= n;
        if (len == 0)
            return;
        kiln_str_adds(out, "\033_G");
    }
}

void kiln_kitty_remove(struct kiln_str *out, unsigned id)
{
    kiln_str_addf(out, "\033_Ga=d,d=I,i=%u,q=2\033\\", id);
}
