/* Getting reports to where they were asked for. */
#ifndef TORNWRITE_PUBLISH_H
#define TORNWRITE_PUBLISH_H

#include "harness/report.h"

/* Ends the program with exit 2 if a file could not be written at `path`, before anything has been
 * run for it. `path` may be NULL or "-". */
void publish_check_path(const char *option, const char *path);

/* Writes one report to a file, or to standard output for "-". Returns 0, or -errno and says why on
 * standard error. */
int publish_report(const struct report_input *input, const char *format, const char *path);

/* What kind of file system a path is on: "tmpfs". */
const char *publish_filesystem_name(const char *path);

#endif
