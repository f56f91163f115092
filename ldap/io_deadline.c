#include "ldap/io_deadline.h"

#include <errno.h>
#include <poll.h>

#include "fas/base/clock.h"

#define LEVEL (LBER_SBIOD_LEVEL_PROVIDER + 5) /* above the socket, below TLS (20) and SASL (30) */

static int
layer_setup(Sockbuf_IO_Desc *layer, void *deadline)
{
	layer->sbiod_pvt = deadline;
	return 0;
}

static int
layer_remove(Sockbuf_IO_Desc *layer)
{
	layer->sbiod_pvt = NULL;
	return 0;
}

static int
layer_control(Sockbuf_IO_Desc *layer, int option, void *argument)
{
	return LBER_SBIOD_CTRL_NEXT(layer, option, argument);
}

/* ETIMEDOUT, unlike EAGAIN, is an error to every layer above. */
static bool
wait_for(Sockbuf_IO_Desc *layer, short events)
{
	const struct io_deadline *deadline = layer->sbiod_pvt;
	struct pollfd p = {.fd = -1, .events = events};
	int64_t left_us = deadline->at_us - clock_monotonic_us();
	if (ber_sockbuf_ctrl(layer->sbiod_sb, LBER_SB_OPT_GET_FD, &p.fd) != 1)
		return false;
	/* What is there already may be taken even when time is up. */
	int ready = poll(&p, 1, left_us > 0 ? (int)((left_us + 999) / 1000) : 0);
	if (ready == 0)
		errno = ETIMEDOUT;
	return ready == 1 || (ready < 0 && errno == EINTR);
}

static ber_slen_t
layer_read(Sockbuf_IO_Desc *layer, void *bytes, ber_len_t len)
{
	return wait_for(layer, POLLIN) ? LBER_SBIOD_READ_NEXT(layer, bytes, len) : -1;
}

static ber_slen_t
layer_write(Sockbuf_IO_Desc *layer, void *bytes, ber_len_t len)
{
	return wait_for(layer, POLLOUT) ? LBER_SBIOD_WRITE_NEXT(layer, bytes, len) : -1;
}

static int
layer_close(Sockbuf_IO_Desc *layer)
{
	(void)layer;
	return 0;
}

bool
io_deadline_install(Sockbuf *sb, struct io_deadline *deadline)
{
	static Sockbuf_IO io = {.sbi_setup = layer_setup,
	    .sbi_remove = layer_remove,
	    .sbi_ctrl = layer_control,
	    .sbi_read = layer_read,
	    .sbi_write = layer_write,
	    .sbi_close = layer_close};
	return ber_sockbuf_add_io(sb, &io, LEVEL, deadline) == 0;
}
