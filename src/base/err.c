#include "base/err.h"

#include <ctype.h>
#include <stdarg.h>

#include "base/mem.h"

bool kiln_err_set(struct kiln_err *err, enum kiln_err_kind kind, const char *fmt, ...)
{
    va_list ap;
    char *msg;

    if (!err)
        return false;
    va_start(ap, fmt);
    msg = kiln_xvasprintf(fmt, ap);
    va_end(ap);
    free(err->msg);
    *err = (struct kiln_err){ .kind = kind, .msg = msg };
    return false;
}

bool kiln_err_sys(struct kiln_err *err, int os_errno, const char *fmt, ...)
{
    char text[128];
    va_list ap;
    char *context;

    if (!err)
        return false;
    va_start(ap, fmt);
    context = kiln_xvasprintf(fmt, ap);
    va_end(ap);
    free(err->msg);
    *err = (struct kiln_err){
        .kind = KILN_ERR_SYSTEM,
        .os_errno = os_errno,
        .msg = kiln_xasprintf("%s: %s", context, strerror_r(os_errno, text, sizeof(text))),
    };
    free(context);
    return false;
}

bool kiln_err_wrap(struct kiln_err *err, const char *fmt, ...)
{
    va_list ap;
    char *context, *old;

    if (!err)
        return false;
    va_start(ap, fmt);
    context = kiln_xvasprintf(fmt, ap);
    va_end(ap);
    old = err->msg;
    err->msg = old ? kiln_xasprintf("%s: %s", context, old) : kiln_xstrdup(context);
    free(old);
    free(context);
    return false;
}

bool kiln_err_move(struct kiln_err *to, struct kiln_err *from)
{
    if (!from)
        return false;
    if (to) {
        free(to->msg);
        *to = *from;
        *from = (struct kiln_err){ 0 };
    } else {
        kiln_err_clear(from);
    }
    return false;
}

const char *kiln_err_text(const struct kiln_err *err)
{
    return err && err->msg ? err->msg : "";
}

const char *kiln_errno_go(int os_errno, char *buf, size_t size)
{
    const char *text = strerrordesc_np(os_errno);

    (void)snprintf(buf, size, "%s", text ? text : "unknown error");
    buf[0] = (char)tolower((unsigned char)buf[0]);
    return buf;
}

void kiln_err_clear(struct kiln_err *err)
{
    free(err->msg);
    *err = (struct kiln_err){ 0 };
}
