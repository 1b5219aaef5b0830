/* SPDX-License-Identifier: MIT */
/* What is left of <stdlib.h>: random numbers, division, and an environment that is empty. */
#include <stdlib.h>

static char *no_environment[] = {NULL};
char **environ = no_environment;

char *getenv(const char *name) { return (void)name, NULL; }

div_t div(int a, int b) { return (div_t){a / b, a % b}; }
ldiv_t ldiv(long a, long b) { return (ldiv_t){a / b, a % b}; }
lldiv_t lldiv(long long a, long long b) { return (lldiv_t){a / b, a % b}; }
int abs(int n) { return n < 0 ? -n : n; }
long labs(long n) { return n < 0 ? -n : n; }
long long llabs(long long n) { return n < 0 ? -n : n; }

static unsigned long random_state = 1;

void srand(unsigned seed) { random_state = seed * 2654435769ul + 1; }
int rand(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (int)(random_state >> 20 & RAND_MAX);
}
