// What a group used over time, in a bounded number of points.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <treehold/process_group.hpp>
#include <treehold/statistics.hpp>

#include "src/cli/interval_thread.hpp"

namespace treehold::cli {

/// One point. What the kernel does not tell is absent.
struct UsagePoint {
  std::chrono::microseconds at{0};               ///< since the start of the run
  std::optional<std::chrono::microseconds> cpu;  ///< user and system, since the start
  std::optional<std::uint64_t> memory;           ///< the largest since the point before
  std::optional<std::uint64_t> processes;        ///< the same
};

[[nodiscard]] UsagePoint point_of(const Statistics& statistics, std::chrono::microseconds at);

/// Keeps at most `most_points`: when it is full, every two points become one, and from then on as
/// many samples go into a point. No peak of memory or processes is lost.
class UsageHistory {
 public:
  static constexpr std::size_t most_points = 2000;

  void add(const UsagePoint& sample);

  /// All there is, samples that do not make a whole point yet included.
  [[nodiscard]] std::vector<UsagePoint> points() const;

 private:
  void halve();

  std::vector<UsagePoint> points_;
  std::size_t samples_a_point_ = 1;
  std::optional<UsagePoint> pending_;
  std::size_t samples_pending_ = 0;
};

/// Records what a group uses, every 100 ms.
class UsageWatch {
 public:
  explicit UsageWatch(const ProcessGroup& group);

  /// Ends the watch; `last` is what was used at the end.
  [[nodiscard]] std::vector<UsagePoint> finish(const Statistics& last);

 private:
  void look();
  [[nodiscard]] std::chrono::microseconds elapsed() const;

  const ProcessGroup& group_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  UsageHistory history_;
  std::optional<IntervalThread> thread_;  // last: it uses the others
};

}  // namespace treehold::cli
