/* What every unit test includes: cmocka with the headers it wants, and checks on errors. */
#ifndef KILN_TESTS_UNIT_H
#define KILN_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

/** The call went well; shows the error if not. */
#define unit_ok(call, err)                                                                         \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s failed: %s", #call, kiln_err_text((err)));                                \
    } while (0)

/** The call failed with this text and kind; *err is empty again afterwards. */
#define unit_fails(call, err, want_kind, want_text)                                                \
    do {                                                                                           \
        if (call)                                                                                  \
            fail_msg("%s went well", #call);                                                       \
        assert_string_equal(kiln_err_text(err), (want_text));                                      \
        assert_int_equal((err)->kind, (want_kind));                                                \
        kiln_err_clear(err);                                                                       \
    } while (0)

#endif
