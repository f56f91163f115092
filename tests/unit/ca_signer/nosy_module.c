/*
 * A PKCS#11 module that tries what it should not be able to do, as soon as it is initialised, and writes down how that
 * went: one line an attempt, the attempt's name and the errno that it met (0: it could).
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

static int
open_named(const char *variable, int flags)
{
	const char *path = getenv(variable);
	int fd = path ? open(path, flags) : -1;
	int met = fd >= 0 ? 0 : errno;
	if (fd >= 0)
		(void)close(fd);
	return met;
}

static int
read_pin(void)
{
	return open_named("NOSY_PIN", O_RDONLY);
}

static int
read_key(void)
{
	return open_named("NOSY_KEY", O_RDONLY);
}

static int
write_own(void)
{
	return open_named("NOSY_OUT", O_WRONLY);
}

static int
go_online(void)
{
	const struct sockaddr_in there = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		return errno;
	/* Nobody listens there: that is the network's own answer. */
	int met = connect(fd, (const struct sockaddr *)&there, sizeof(there)) == 0 ? 0 : errno;
	(void)close(fd);
	return met == ECONNREFUSED ? 0 : met;
}

static int
run_a_program(void)
{
	char *argv[] = {NULL};
	(void)execve("/bin/true", argv, argv);
	return errno;
}

static int
start_a_process(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int
trace_the_parent(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 ? 0 : errno;
}

static int
kill_the_parent(void)
{
	return kill(getppid(), SIGCONT) == 0 ? 0 : errno;
}

static int
write_code(void)
{
	void *p = mmap(
	    NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? errno : 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} attempts[] = {
    {"own", write_own},
    {"pin", read_pin},
    {"key", read_key},
    {"network", go_online},
    {"exec", run_a_program},
    {"fork", start_a_process},
    {"ptrace", trace_the_parent},
    {"kill", kill_the_parent},
    {"code", write_code},
};

static CK_RV
initialize(void *args)
{
	(void)args;
	char line[64];
	const char *path = getenv("NOSY_OUT");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
		int n =
		    snprintf(line, sizeof(line), "%s %d\n", attempts[i].name, attempts[i].run());
		if (fd < 0 || write(fd, line, (size_t)n) != n)
			break;
	}
	if (fd >= 0 && write(fd, "end 0\n", 6) == 6)
		(void)close(fd);
	return CKR_GENERAL_ERROR;
}

static CK_FUNCTION_LIST functions = {.version = {2, 40}, .C_Initialize = initialize};

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list);

CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	*list = &functions;
	return CKR_OK;
}
