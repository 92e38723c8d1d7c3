/* The last bytes that a program in the guest wrote to its stderr: why it ended. */
#ifndef KILN_COMMUNICATOR_LAST_WORDS_H
#define KILN_COMMUNICATOR_LAST_WORDS_H

#include <stddef.h>

struct kiln_last_words {
    char text[512];
    size_t len;
};
void kiln_last_words_add(struct kiln_last_words *w, const char *data, size_t len);
/** As one line without control characters; "" if it said nothing. Caller frees. */
char *kiln_last_words_line(const struct kiln_last_words *w);

#endif
