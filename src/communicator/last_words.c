#include "communicator/last_words.h"

#include <string.h>

#include "base/mem.h"

void kiln_last_words_add(struct kiln_last_words *w, const char *data, size_t len)
{
    size_t room = sizeof(w->text), over;

    if (len > room) {
        data += len - room;
        len = room;
    }
    over = w->len + len > room ? w->len + len - room : 0;
    memmove(w->text, w->text + over, w->len - over);
    memcpy(w->text + w->len - over, data, len);
    w->len += len - over;
}

char *kiln_last_words_line(const struct kiln_last_words *w)
{
    size_t len = w->len;
    char *line;

    while (len > 0 && (unsigned char)w->text[len - 1] <= ' ')
        len--;
    line = kiln_xstrndup(w->text, len);
    for (size_t i = 0; line[i]; i++) {
        if ((unsigned char)line[i] < ' ')
            line[i] = ' ';
    }
    return line;
}
