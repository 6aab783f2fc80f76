#include "src/tee.hpp"

#include <string>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace treehold::inline v0 {
namespace {

using boost::system::error_code;

TeeSink sink_of(const TeeSettings& settings) {
  if (!settings.path) {
    return settings.sink;
  }
  const std::shared_ptr<platform::OutputFile> file = platform::create_file(*settings.path);
  return [file](std::string_view bytes, const std::function<void(error_code)>& done) {
    done(file->write(bytes));
  };
}

}  // namespace

Tee::Tee(const TeeSettings& settings, const platform::Executor& executor)
    : sink_(sink_of(settings)), executor_(executor) {}

bool Tee::write(std::string_view bytes, std::function<void()> done) {
  std::uint64_t turn = 0;
  {
    const std::lock_guard lock(mutex_);
    if (busy_ && !error_) {
      error_ = boost::asio::error::timed_out;
    }
    if (error_ || bytes.empty()) {
      return true;
    }
    busy_ = true;
    turn = ++turn_;
    writing_ = std::this_thread::get_id();
    done_ = std::move(done);
  }
  // The sink may use the bytes when the run has long gone.
  const auto kept = std::make_shared<const std::string>(bytes);
  try {
    sink_(*kept,
          [self = shared_from_this(), kept, turn](error_code error) { self->taken(turn, error); });
  } catch (const boost::system::system_error& failure) {
    taken(turn, failure.code());
  } catch (...) {
    taken(turn, make_error_code(boost::system::errc::io_error));
  }
  const std::lock_guard lock(mutex_);
  writing_ = {};
  return std::exchange(at_once_, false);
}

void Tee::taken(std::uint64_t turn, error_code error) {
  const std::lock_guard lock(mutex_);
  if (turn != turn_ || !std::exchange(busy_, false)) {
    return;
  }
  if (!error_) {
    error_ = error;
  }
  std::function<void()> done = std::exchange(done_, nullptr);
  if (writing_ == std::this_thread::get_id()) {
    at_once_ = true;
  } else if (executor_) {
    boost::asio::post(*executor_, std::move(done));  // under the lock: it lives until `close`
  }
}

bool Tee::busy() const {
  const std::lock_guard lock(mutex_);
  return busy_;
}

error_code Tee::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

void Tee::close() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(busy_, false) && !error_) {
    error_ = boost::asio::error::timed_out;
  }
  done_ = nullptr;
  executor_.reset();
}

}  // namespace treehold::inline v0
