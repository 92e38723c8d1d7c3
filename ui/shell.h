/* The terminal as a line to a shell in the guest. */
#ifndef KILN_UI_SHELL_H
#define KILN_UI_SHELL_H

struct kiln_console;

/** Pass bytes both ways until the shell ends, or the person presses Ctrl-] three times within a
 *  second, as a guest that hangs ends nothing. The terminal is raw, its screen is the shell's;
 *  events of the run are taken meanwhile. fd: borrowed. @signals: signalfd. */
void kiln_shell_relay(struct kiln_console *c, int fd, int signals);

#endif
