#include "cli/stops.h"

#include <ctype.h>

static const struct {
    char letter;
    const char *command, *help;
} choices[] = {
    { 'c', "continue", "continue (Enter)" },  { 'n', "next", "next step or provisioner" },
    { 'e', "next-element", "next element" },  { 'k', "next-key", "next key" },
    { 's', "skip", "skip this provisioner" }, { 'q', "cancel", "cancel the build" },
};

void kiln_stop_question(const struct kiln_event *ev, struct kiln_str *out)
{
    const char *separator = " ";

    kiln_str_addf(out, "Stopped: %.*s%s.", (int)ev->len, ev->text ? ev->text : "",
                  ev->status ? " (the guest is halted)" : "");
    for (size_t i = 0; i < KILN_COUNT(choices); i++) {
        if (!kiln_strv_has(ev->names, choices[i].command))
            continue;
        kiln_str_addf(out, "%s[%c] %s", separator, choices[i].letter, choices[i].help);
        separator = ", ";
    }
    kiln_str_addc(out, ':');
}

const char *kiln_stop_command(const char *answer, const struct kiln_strv *commands)
{
    for (size_t i = 0; i < KILN_COUNT(choices); i++) {
        bool letter = tolower((unsigned char)answer[0]) == choices[i].letter && !answer[1];

        if ((letter || kiln_streq(answer, choices[i].command)) &&
            kiln_strv_has(commands, choices[i].command))
            return choices[i].command;
    }
    return answer[0] ? NULL : "continue";
}
