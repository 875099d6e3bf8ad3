/* Words that every Clearbox header uses: status codes, errors, visibility. */
#ifndef CLEARBOX_TYPES_H
#define CLEARBOX_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(CBX_BUILDING)
#define CBX_API __declspec(dllexport)
#elif defined(__GNUC__)
#define CBX_API __attribute__((visibility("default")))
#else
#define CBX_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct cbx_machine;

/* What a call returns: CBX_OK (0), or one of the negative errors. */
enum cbx_status {
	CBX_OK = 0,
	CBX_ERROR_ARGUMENT = -1,        /* an argument is outside its documented range */
	CBX_ERROR_MEMORY = -2,          /* an allocation failed */
	CBX_ERROR_IO = -3,              /* a backend reported a failed read or write */
	CBX_ERROR_FORMAT = -4,          /* data from outside is not what it must be */
	CBX_ERROR_MISMATCH = -5,        /* a saved state belongs to another configuration */
	CBX_ERROR_UNMAPPED = -6,        /* nothing is at this address */
	CBX_ERROR_STATE = -7,           /* the call is not possible now */
	CBX_ERROR_LIMIT = -8,           /* a configured limit is reached */
	CBX_ERROR_UNSUPPORTED = -9      /* this build or configuration lacks it */
};

/* Where a constructor that has no machine yet puts its error. */
struct cbx_error {
	enum cbx_status status;
	char text[256];                 /* UTF-8, one sentence: what, where, why */
};

#ifdef __cplusplus
}
#endif
#endif
