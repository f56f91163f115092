/* "doctor" on fasd's admin socket; apart from the others, since it brings the directory itself along. */
#ifndef FAS_ADMIN_DOCTOR_H
#define FAS_ADMIN_DOCTOR_H

#include "fas/admin_question.h"

admin_op admin_doctor;

#endif
