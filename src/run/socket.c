#include "run/socket.h"

#include <sys/socket.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/unix_socket.h"

int kiln_socket_listen(const char *dir, struct kiln_err *err)
{
    KILN_AUTO_FREE char *path = kiln_path_join(dir, KILN_SOCKET_NAME);

    return kiln_unix_listen(path, SOCK_NONBLOCK, err);
}

int kiln_socket_connect(const char *dir, struct kiln_err *err)
{
    KILN_AUTO_FREE char *path = kiln_path_join(dir, KILN_SOCKET_NAME);

    return kiln_unix_connect(path, 0, err);
}
