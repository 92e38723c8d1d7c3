#include "base/log.h"

#include "base/mem.h"

static struct {
    kiln_log_sink *sink;
    void *ud;
} logger;

void kiln_log_set_sink(kiln_log_sink *sink, void *ud)
{
    logger.sink = sink;
    logger.ud = ud;
}

void kiln_log(const char *fmt, ...)
{
    KILN_AUTO_FREE char *line = NULL;
    va_list ap;

    if (!logger.sink)
        return;
    va_start(ap, fmt);
    line = kiln_xvasprintf(fmt, ap);
    va_end(ap);
    logger.sink(logger.ud, line, strlen(line));
}
