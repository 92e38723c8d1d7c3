/* Waiting until a guest, which may not be there yet, runs commands by WinRM. */
#ifndef KILN_COMMUNICATOR_WINRM_WAIT_H
#define KILN_COMMUNICATOR_WINRM_WAIT_H

#include "communicator/winrm_client.h"

/** As kiln_winrm_connect_consume; everything is borrowed. */
bool kiln_winrm_wait(struct kiln_winrm_client *w, const struct kiln_winrm_config *cfg,
                     const struct kiln_winrm_watch *watch, struct kiln_cancel *c,
                     struct kiln_err *err);

#endif
