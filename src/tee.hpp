// A copy of one captured stream on its way to a file or a sink.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>

#include <boost/system/error_code.hpp>

#include <treehold/command.hpp>

#include "platform/platform.hpp"
#include "src/settings.hpp"

namespace treehold::inline v0 {

/// Used on the executor of its run; only the sink's `done` may come from another thread, and at any
/// time, even when the run and its context are gone.
class Tee : public std::enable_shared_from_this<Tee> {
 public:
  /// Opens the file. Throws `boost::system::system_error`.
  Tee(const TeeSettings& settings, const platform::Executor& executor);

  /// Hands bytes on. True when that is over at once; otherwise `done` is called on the executor
  /// when it is, unless the tee is closed before. What comes while it is busy, or after it failed,
  /// is dropped.
  bool write(std::string_view bytes, std::function<void()> done);

  [[nodiscard]] bool busy() const;
  [[nodiscard]] boost::system::error_code error() const;

  /// Waits no longer: what is still on its way has failed.
  void close();

 private:
  void taken(std::uint64_t turn, boost::system::error_code error);

  const TeeSink sink_;
  mutable std::mutex mutex_;  // guards all below
  std::optional<platform::Executor> executor_;
  bool busy_ = false;
  std::uint64_t turn_ = 0;   ///< counts the writes: a sink may call `done` twice
  std::thread::id writing_;  ///< who is within `write`
  bool at_once_ = false;     ///< the write is over before it returns
  std::function<void()> done_;
  boost::system::error_code error_;
};

}  // namespace treehold::inline v0
