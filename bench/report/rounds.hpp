// What the benchmarks share: ways to do the same thing, taken in turn and shuffled, so that a
// change of the machine's speed touches all alike; and the order statistics of what they took.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <random>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;
using Micros = std::chrono::duration<double, std::micro>;

/// The least value that `share` of the values do not exceed; 0.5 is the median, 1 the most.
inline double at(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(share * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

inline double median(const std::vector<double>& values) {
  return at(values, 0.5);
}

/// Calls `take(way, counts)` for every way in each round, in another order each time: what came
/// before touches the caches. The rounds of the warm-up do not count.
template <class Way, class Take>
void in_turn(std::vector<Way>& ways, int warm_up, int rounds, Take take) {
  std::mt19937 random(1);  // NOLINT: the same order in every run
  std::vector<std::size_t> order(ways.size());
  std::iota(order.begin(), order.end(), 0U);
  for (int round = -warm_up; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t index : order) {
      take(ways[index], round >= 0);
    }
  }
}

}  // namespace bench
