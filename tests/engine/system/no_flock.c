/* A disk without flock: every flock fails, with ENOSYS or with the number in NO_FLOCK_ERRNO. */
#include <errno.h>
#include <stdlib.h>

int flock(int descriptor, int operation)
{
    const char *number = getenv("NO_FLOCK_ERRNO");
    (void)descriptor;
    (void)operation;
    errno = number != NULL ? atoi(number) : ENOSYS;
    return -1;
}
