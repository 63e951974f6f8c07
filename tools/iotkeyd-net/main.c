// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iotkeyd-net: the half of the agent that talks to the network, started by iotkeyd, which keeps the
 * keys.  It has no files, no TPM, no keys but the use of one, and no privilege.
 *
 * What it wants of the keeper it asks for on two sockets, one for each thread; each asks and
 * waits for the answer.
 */
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "../common/say.h"
#include "identity.h"
#include "keeper.h"
#include "sandbox.h"
#include "statements.h"
#include "work.h"

#define STACK (256u << 10)

static struct keeper work_keeper = { .fd = KEEPER_WORK };
static struct keeper statements_keeper = { .fd = KEEPER_STATEMENTS };

static bool is_keeper(int fd)
{
	socklen_t len = sizeof(int);
	int type;

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) &&
	       type == SOCK_SEQPACKET;
}

static void *listen_for_statements(void *arg)
{
	(void)arg;
	statements_run(&statements_keeper);
	return NULL;
}

static int start_thread(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	err = pthread_create(&thread, &attr, listen_for_statements, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

int main(int argc, char **argv)
{
	int err;

	(void)argv;
	if (argc > 1 || !is_keeper(KEEPER_WORK) || !is_keeper(KEEPER_STATEMENTS)) {
		say("it is started by iotkeyd(8), and by nobody else");
		return EXIT_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	if (!identity_start() || curl_global_init(CURL_GLOBAL_DEFAULT) || !work_start()) {
		say("cannot begin: OpenSSL and libcurl cannot be used");
		return EXIT_FAILED;
	}
	err = sandbox_net();
	if (err)
		return err;
	err = start_thread();
	if (err) {
		say("cannot begin: %s", strerror(err));
		return EXIT_FAILED;
	}
	work_run(&work_keeper);
}
