/* First include of every kernel in which the time goes.
 *
 * Arduino builds with -Os, which costs the inner loops a third of their speed. The kernels
 * therefore choose their own level. Instructions are not scheduled before registers are assigned:
 * the loops use all fourteen registers, and any early load would push a sum out to the stack. Other
 * compilers keep the level of the command line. */
#ifndef HARMCU_OPTIMIZE_H
#define HARMCU_OPTIMIZE_H

#if defined(__GNUC__) && !defined(__clang__) && defined(__arm__)
#pragma GCC optimize("O2", "no-schedule-insns", "ira-region=one", "no-tree-pre", "no-code-hoisting")
#endif

/* For code that runs once a layer or a block: small rather than fast. */
#if defined(__GNUC__)
#define HARMCU_SMALL __attribute__((noinline, cold))
#else
#define HARMCU_SMALL
#endif

#endif
