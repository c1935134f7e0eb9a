/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Arrays that the machine shares with the bench: both map the same file.
 */
#include "mcu.h"
#include "qemu/error-report.h"
#include <sys/mman.h>

uint8_t *shared_file(const char *what, const char *path, size_t size)
{
    int file = -1;
    if (path != NULL) {
        struct stat status;
        file = open(path, O_RDWR | O_CLOEXEC);
        if (file < 0 || fstat(file, &status) != 0) {
            error_report("%s: cannot open %s: %s", what, path, strerror(errno));
            exit(1);
        }
        if (status.st_size != (off_t)size) {
            error_report("%s: %s has %lld bytes, must have %zu", what, path, (long long)status.st_size, size);
            exit(1);
        }
    }
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, path != NULL ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS,
                       file, 0);
    if (bytes == MAP_FAILED) {
        error_report("%s: cannot map %s: %s", what, path != NULL ? path : "memory", strerror(errno));
        exit(1);
    }
    if (path == NULL)
        memset(bytes, 0xFF, size);
    else
        close(file);
    return bytes;
}
