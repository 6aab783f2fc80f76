// The smallest program there is: it exits with 0. What is left of a run of it is the cost of
// starting it. The busy one computes for a while first, and so shows what a start costs when the
// program does not give up the processor by itself.

#include "raw.hpp"

namespace {

#if defined(BUSY_MILLISECONDS)
long now_milliseconds() {
  constexpr long monotonic = 1;
  long time[2] = {};
  raw::call(__NR_clock_gettime, monotonic, raw::address(time));
  return time[0] * 1000 + time[1] / 1000000;
}

void compute() {
  const long end = now_milliseconds() + BUSY_MILLISECONDS;
  while (now_milliseconds() < end) {
    for (int i = 0; i < 100000; ++i) asm volatile("");
  }
}
#else
void compute() {}
#endif

}  // namespace

extern "C" [[noreturn]] void _start() {  // NOLINT: the name that the linker looks for
  compute();
  for (;;) raw::call(__NR_exit_group, 0);
}
