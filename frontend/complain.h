/* What the program says when something cannot be done: what, why, what to try. */
#ifndef FRONTEND_COMPLAIN_H
#define FRONTEND_COMPLAIN_H

#if defined(__GNUC__)
#define COMPLAIN_FORMAT __attribute__((format(printf, 1, 2)))
#else
#define COMPLAIN_FORMAT
#endif

/* One line without its end, on standard error with "clearbox: " before it, or where complain_to
 * says. */
void complain(const char *format, ...) COMPLAIN_FORMAT;

/* While a monitor's command runs, its own output gets the complaints; NULL: standard error again.
 */
void complain_to(void (*output)(void *user, const char *text), void *user);

#endif
