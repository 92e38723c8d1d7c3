/*
 * One connection that is carried through a link: bytes go from a channel to a socket and back,
 * never more of them held than fits a few buffers, whoever is slow. The inside of kiln-ssh.so;
 * used by the thread of one hub only. A flow is used for one connection after the other.
 */
#ifndef KILN_COMMUNICATOR_SSH_FLOW_H
#define KILN_COMMUNICATOR_SSH_FLOW_H

#include "base/tcp.h"
#include "communicator/ssh_link.h"

struct ssh_channel_struct;

struct kiln_flow;
struct kiln_flow *kiln_flow_new(void);
void kiln_flow_free(struct kiln_flow *f); /* NULL is fine */
/** It carries nothing. */
bool kiln_flow_is_idle(const struct kiln_flow *f);

/** fd (taken) is to be connected to host:port, by the server. announce: as hub_dial promises. */
void kiln_flow_open(struct kiln_flow *f, struct kiln_link *l, int fd, const char *host, int port,
                    bool announce);
/** The server has opened the channel (taken): connect it to one of these (borrowed). */
void kiln_flow_accept(struct kiln_flow *f, struct kiln_link *l, struct ssh_channel_struct *channel,
                      const struct kiln_tcp_addrs *to);
/** Move what can be moved; idle once it is over. revents: of kiln_flow_poll's. */
void kiln_flow_step(struct kiln_flow *f, short revents);
/** What to wait for; fd -1: nothing but the link. */
struct pollfd kiln_flow_poll(const struct kiln_flow *f);
void kiln_flow_end(struct kiln_flow *f); /* nothing if idle */

#endif
