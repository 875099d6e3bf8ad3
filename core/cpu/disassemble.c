/* Placeholder until the table-driven printer is written in this file. */
#include "decode.h"
