/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _REGISTRAR_INIT_H
#define _REGISTRAR_INIT_H

/*
 * init_command(): "init DIR [--name HOST]... [--ca-key URI]": a CA, a server certificate for the
 * names, a master, an administrator's certificate and a configuration that works, in a
 * new or empty directory.  An exit code.
 */
int init_command(int argc, char **argv);

#endif /* _REGISTRAR_INIT_H */
