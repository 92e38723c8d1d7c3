/* Commands: what a client sends breaks nothing, and what is accepted is passed on as it is. */
#include <stdlib.h>

#include "run/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_args(const struct kiln_control_args *a, const struct kiln_control_args *b)
{
    if (!same(a->text, b->text) || !a->lines != !b->lines || a->number != b->number ||
        a->from != b->from || a->keysym != b->keysym || a->on != b->on || a->cols != b->cols ||
        a->rows != b->rows || (a->lines && a->lines->n != b->lines->n))
        return false;
    for (size_t i = 0; a->lines && i < a->lines->n; i++) {
        if (!same(a->lines->v[i], b->lines->v[i]))
            return false;
    }
    return true;
}

/* To the worker it goes as one line, which says the same. */
static void check_round(const struct kiln_command *c)
{
    KILN_AUTO_STR line = { 0 };
    struct kiln_command again;

    kiln_command_encode_again(c, 42, &line);
    if (memchr(line.data, '\n', line.len) != line.data + line.len - 1)
        abort();
    if (!kiln_command_decode(&again, line.data, line.len - 1, NULL))
        abort();
    if (again.name != c->name || again.id != 42 || !same_args(&again.args, &c->args))
        abort();
    kiln_command_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size + !size); /* exact size: reading on is caught */
    struct kiln_command c;

    if (!exact)
        abort();
    memcpy(exact, data, size);
    if (kiln_command_decode(&c, exact, size, NULL) && size < 100000)
        check_round(&c);
    kiln_command_done(&c);
    free(exact);
    return 0;
}
