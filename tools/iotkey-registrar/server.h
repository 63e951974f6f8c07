/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes of the registrar: a parent that holds the sockets and nothing else, and workers
 * that do all work.  A worker that dies is replaced; what it had not answered its clients
 * ask again.
 */
#ifndef _REGISTRAR_SERVER_H
#define _REGISTRAR_SERVER_H

/*
 * server_run(): until SIGTERM or SIGINT, which drain; SIGHUP reads the configuration at @path
 * anew, and when it is good workers with it take the place of the old ones, who finish what
 * they have.  Addresses and the number of workers stay what they were.  An exit code.
 */
int server_run(const char *path);

/* server_check(): whether it would start with this configuration; an exit code */
int server_check(const char *path);

#endif /* _REGISTRAR_SERVER_H */
