// Functions of mathematics that are the same on every machine, in runtime/rotary.c.
#ifndef TERN_RUNTIME_ELEMENTARY_H_
#define TERN_RUNTIME_ELEMENTARY_H_

// Nearly to the last bit: ln x for a normal x > 0, e^x for |x| < 680.
double tern__natural_log(double x);
double tern__exponential(double x);

#endif
