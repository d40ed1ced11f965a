/* The version of the interface between the hand-written runtime and the generated C.
 *
 * Generated files refuse to compile against another one. Raise it whenever a type, a function or
 * the meaning of a table that generated code uses changes. codegen reads the number from here. */
#ifndef HARMCU_VERSION_H
#define HARMCU_VERSION_H

#define HARMCU_RUNTIME_VERSION 3

#endif
