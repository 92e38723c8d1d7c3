/* Private to gofmt*.c: one value under one verb. */
#ifndef KILN_TEMPLATE_GOFMT_VERB_H
#define KILN_TEMPLATE_GOFMT_VERB_H

#include "template/gofmt.h"

struct kiln_go_spec {
    bool plus, minus, sharp, space, zero;
    bool sharp_v; /* %#v, whose # is not that of %#x */
    bool has_width, has_prec;
    int width, prec; /* characters; 0 unless there is one */
};

void kiln_go_print_value(struct kiln_str *out, const struct kiln_go_spec *f,
                         const struct kiln_go_value *v, unsigned verb);

#endif
