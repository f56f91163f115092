/* What /metrics says of the present moment; the counters are fas/metrics.h's. */
#ifndef FAS_GAUGES_H
#define FAS_GAUGES_H

#include "fas/base/buf.h"
#include "fas/ops.h"

void gauges_format(struct ops *ops, struct buf *out);

#endif
