/* Certificates of the service CA: machines that join, renew, and fasd's own. */
#ifndef CA_MACHINE_H
#define CA_MACHINE_H

#include "ca/ca.h"

call_fn op_enroll;
call_fn op_renew;
call_fn op_server_certificate;
call_fn op_service_ca;

#endif
