/*
 * clone(2) with some flags, set something up in the child, become the command.
 *
 * Compiled once for each experiment, as a reader of C would edit it:
 *   -DCLONE_FLAGS='CLONE_NEWUTS | SIGCHLD'   the last argument of clone
 *   -DSETUP=host_name                        what the child does first
 *   -DMYTMP='"/directory"'                   where tmpfs() mounts
 *
 * Status: the command's, 128+N for signal N, 127 and 126 if it cannot be executed, 125 if anything
 * before that fails.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static char stack[1024 * 1024] __attribute__((aligned(16)));

static void check(int result, const char *call)
{
	if (result == -1) {
		fprintf(stderr, "%s: %s\n", call, strerror(errno));
		_exit(125);
	}
}

/* Where / is a shared mount, a mount made here would show on the host too. */
static void private_mounts(void)
{
	check(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount private");
}

static void nothing(void)
{
}

static void tmpfs(void)
{
	private_mounts();
	check(mount("none", MYTMP, "tmpfs", 0, ""), "mount tmpfs");
}

static void host_name(void)
{
	check(sethostname("myhostname", strlen("myhostname")), "sethostname");
}

static void proc_on_proc(void)
{
	private_mounts();
	check(mount("proc", "/proc", "proc", 0, ""), "mount proc");
}

static void proc_instead(void)
{
	private_mounts();
	check(umount2("/proc", 0), "umount");
	check(mount("proc", "/proc", "proc", 0, ""), "mount proc");
}

static void (*const setups[])(void) __attribute__((unused)) = {
	nothing, tmpfs, host_name, proc_on_proc, proc_instead,
};

static int child(void *argv)
{
	char **words = argv;

	SETUP();
	execvp(words[0], words);
	fprintf(stderr, "execvp %s: %s\n", words[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: %s CMD [ARG...]\n", argv[0]);
		return 125;
	}
	pid = clone(child, stack + sizeof(stack), CLONE_FLAGS, argv + 1);
	check(pid, "clone");
	check(waitpid(pid, &status, 0), "waitpid");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
