/* Events: no line breaks the decoder, and what it accepts survives another round. */
#include <assert.h>
#include <stdlib.h>

#include "engine/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Encode, decode, compare: the wire must carry whatever the struct says. */
static void check_round(const struct kiln_event *ev)
{
    KILN_AUTO_STR line = { 0 };
    struct kiln_event_box box = { 0 };
    bool cut;

    kiln_event_encode(ev, NULL, &line);
    cut = line.len * 2 > 1000000; /* near the limit it may have been cut */
    if (!kiln_event_decode(&box, line.data, line.len - 1, NULL))
        abort();
    if (!cut) {
        if (box.ev.type != ev->type || box.ev.seq != ev->seq || box.ev.index != ev->index ||
            box.ev.len != ev->len || !same(box.ev.build, ev->build))
            abort();
        if (ev->text && memcmp(box.ev.text, ev->text, ev->len) != 0)
            abort();
    }
    kiln_event_box_done(&box);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kiln_event_box box = { 0 };
    char *exact = malloc(size + !size); /* exact size: reading on is caught */
    struct kiln_event raw = { .type = KILN_EV_LINE, .text = exact, .len = size };
    KILN_AUTO_STR line = { 0 };

    assert(exact);
    memcpy(exact, data, size);
    if (kiln_event_decode(&box, exact, size, NULL))
        check_round(&box.ev);
    /* Any bytes at all as text: what comes out must be an event. */
    kiln_event_encode(&raw, NULL, &line);
    if (!kiln_event_decode(&box, line.data, line.len - 1, NULL))
        abort();
    check_round(&box.ev);
    kiln_event_box_done(&box);
    free(exact);
    return 0;
}
