// Levels that a process must ask for: given where they can be, done without where they cannot.
#include <stdio.h>

#include "backends/cpu/features.h"

enum { SKIPPED = 77, SMALL_STACK = 8192 };

#ifdef TERN_CPU_AMX

#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Linux refuses tiles to a process with a signal stack that their registers do not fit on.
static int child_with_small_stack(void) {
    stack_t stack = {.ss_sp = malloc(SMALL_STACK), .ss_size = SMALL_STACK};
    if (!stack.ss_sp || sigaltstack(&stack, NULL) != 0) {
        perror("sigaltstack");
        return 1;
    }
    tern_cpu_levels had = tern_cpu_levels_detect();
    tern_cpu_levels have = tern_cpu_levels_acquire(had);
    if (have != (had & ~(1u << TERN_CPU_amx))) {
        fprintf(stderr, "failed: levels %x of %x with a small signal stack\n", have, had);
        return 1;
    }
    return 0;
}

// By its own account; arch_prctl(2), ARCH_GET_XCOMP_SUPP.
static bool system_gives_tiles(void) {
    uint64_t features = 0;
    return syscall(SYS_arch_prctl, 0x1021, &features) == 0 && (features >> 18 & 1) != 0;
}

int main(void) {
    tern_cpu_levels had = tern_cpu_levels_detect();
    if (!tern_cpu_levels_have(had, TERN_CPU_amx)) {
        puts("skipped: this processor has no amx");
        return SKIPPED;
    }
    int status = 1;
    pid_t child = fork();
    if (child == 0) {
        _exit(child_with_small_stack());
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "failed: the child with a small signal stack: status %d\n", status);
        return 1;
    }
    tern_cpu_levels have = tern_cpu_levels_acquire(had);
    if (have != had && !system_gives_tiles()) {
        puts("skipped: this system refuses amx");
        return SKIPPED;
    }
    if (have != had) {
        fprintf(stderr, "failed: levels %x of %x\n", have, had);
        return 1;
    }
    if (tern_cpu_levels_acquire(had) != had) { // twice is as good as once
        fprintf(stderr, "failed: asked twice\n");
        return 1;
    }
    return 0;
}

#else

int main(void) {
    puts("skipped: no level of this architecture must be asked for");
    return SKIPPED;
}

#endif
