/* clearbox doctor: what this build and this host have, what is missing, and what to install. */
#ifndef FRONTEND_DOCTOR_H
#define FRONTEND_DOCTOR_H

#include <stdio.h>

void doctor(FILE *out);

#endif
