#include "src/cli/usage_history.hpp"

#include <algorithm>

#include <treehold/error.hpp>

namespace treehold::cli {
namespace {

constexpr std::chrono::milliseconds sampling_interval{100};

/// One point for the time of both.
UsagePoint merged(const UsagePoint& earlier, const UsagePoint& later) {
  UsagePoint point = later;  // time and CPU count on from the start
  point.memory = std::max(earlier.memory, later.memory);
  point.processes = std::max(earlier.processes, later.processes);
  return point;
}

}  // namespace

UsagePoint point_of(const Statistics& statistics, std::chrono::microseconds at) {
  UsagePoint point;
  point.at = at;
  if (statistics.cpu_user && statistics.cpu_system) {
    point.cpu = *statistics.cpu_user + *statistics.cpu_system;
  }
  point.memory = statistics.memory;
  point.processes = statistics.processes;
  return point;
}

void UsageHistory::add(const UsagePoint& sample) {
  pending_ = pending_ ? merged(*pending_, sample) : sample;
  ++samples_pending_;
  if (samples_pending_ < samples_a_point_) {
    return;
  }
  points_.push_back(*pending_);
  pending_.reset();
  samples_pending_ = 0;
  if (points_.size() >= most_points) {
    halve();
  }
}

std::vector<UsagePoint> UsageHistory::points() const {
  std::vector<UsagePoint> all = points_;
  if (pending_) {
    all.push_back(*pending_);
  }
  return all;
}

void UsageHistory::halve() {
  // The first one stays as it is: the curves begin there.
  std::size_t kept = 1;
  for (std::size_t i = 1; i < points_.size(); i += 2) {
    points_[kept++] = i + 1 < points_.size() ? merged(points_[i], points_[i + 1]) : points_[i];
  }
  points_.resize(kept);
  samples_a_point_ *= 2;
}

UsageWatch::UsageWatch(const ProcessGroup& group) : group_(group) {
  thread_.emplace(sampling_interval, [this] { look(); });
}

std::vector<UsagePoint> UsageWatch::finish(const Statistics& last) {
  thread_.reset();
  history_.add(point_of(last, elapsed()));
  return history_.points();
}

void UsageWatch::look() {
  const std::chrono::microseconds at = elapsed();
  try {
    history_.add(point_of(group_.stats(), at));
  } catch (const Error&) {  // cannot be read at this moment: the next look may
  }
}

std::chrono::microseconds UsageWatch::elapsed() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                               begin_);
}

}  // namespace treehold::cli
