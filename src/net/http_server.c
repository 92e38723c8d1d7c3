#include "net/http_server.h"

#include <assert.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/module.h"
#include "net/http_ops.h"
#include "net/port.h"

struct kiln_http_server {
    const struct kiln_http_ops *ops;
    void *daemon;
    struct kiln_http_service service;
    char *directory; /* owned */
    struct kiln_strmap content;
    struct kiln_port port;
};

int kiln_http_server_port(const struct kiln_http_server *s)
{
    return s->port.port;
}

void kiln_http_server_stop(struct kiln_http_server *s)
{
    if (!s)
        return;
    if (s->daemon)
        s->ops->stop(s->daemon);
    kiln_port_done(&s->port);
    kiln_strmap_done(&s->content);
    free(s->directory);
    free(s);
}

void kiln_http_server_stopp(struct kiln_http_server **s)
{
    kiln_http_server_stop(*s);
    *s = NULL;
}

static bool check_directory(const char *dir, struct kiln_err *err)
{
    struct stat st;
    char why[128];

    if (stat(dir, &st) != 0)
        return kiln_err_set(err, KILN_ERR_USER, "Error finding \"%s\": stat %s: %s", dir, dir,
                            kiln_errno_go(errno, why, sizeof(why)));
    return S_ISDIR(st.st_mode) ||
           kiln_err_set(err, KILN_ERR_USER, "http_directory: %s is not a directory", dir);
}

static bool take_port(struct kiln_http_server *s, const struct kiln_http_config *config,
                      struct kiln_cancel *c, struct kiln_err *err)
{
    struct kiln_port_search how = {
        .address = config->address ? config->address : "127.0.0.1",
        .min = config->port_min,
        .max = config->port_max,
        .lock_dir = config->lock_dir,
        .v6only = config->v6only,
        .listen = true,
        .wait = true,
        .deadline = KILN_NEVER,
        .on_wait = config->on_wait,
        .ud = config->ud,
    };

    return kiln_port_take(&how, c, &s->port, err) || kiln_err_wrap(err, "Error finding port");
}

bool kiln_http_server_start(struct kiln_http_server **ret, const struct kiln_http_config *config,
                            struct kiln_cancel *c, struct kiln_err *err)
{
    KILN_CLEANUP(kiln_http_server_stopp) struct kiln_http_server *s = NULL;
    const struct kiln_http_ops *ops;
    int listen_fd;

    assert(!config->directory != !config->content);
    if (config->directory && !check_directory(config->directory, err))
        return false;
    ops = kiln_module_load("http", err);
    if (!ops)
        return false;
    s = kiln_xcalloc(1, sizeof(*s));
    s->ops = ops;
    s->port = (struct kiln_port)KILN_PORT_INIT;
    s->service.on_request = config->on_request;
    s->service.ud = config->ud;
    if (config->directory) {
        s->directory = kiln_path_abs(config->directory);
        s->service.site.directory = s->directory;
    } else {
        kiln_strmap_copy(&s->content, config->content);
        s->service.site.content = &s->content;
    }
    if (!take_port(s, config, c, err))
        return false;
    listen_fd = s->port.listen_fd;
    s->port.listen_fd = -1;
    s->daemon = ops->start(listen_fd, &s->service, err);
    if (!s->daemon)
        return false;
    *ret = s;
    s = NULL;
    return true;
}
