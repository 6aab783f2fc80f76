#include "src/log.hpp"

#include <spdlog/sinks/base_sink.h>

#include <memory>
#include <mutex>
#include <string_view>

#include "src/text.hpp"

namespace treehold::inline v0 {
namespace {

/// Hands events to the host. The host's function is called without a lock of ours: it may log, or
/// start something with treehold itself.
class HostSink final : public spdlog::sinks::sink {
 public:
  void set(LogSink host_sink) {
    const std::lock_guard lock(mutex_);
    sink_ = host_sink ? std::make_shared<const LogSink>(std::move(host_sink)) : nullptr;
  }

  void log(const spdlog::details::log_msg& message) override {
    std::shared_ptr<const LogSink> receiver;
    {
      const std::lock_guard lock(mutex_);
      receiver = sink_;
    }
    if (receiver) {
      const std::string line =
          escaped(std::string_view(message.payload.data(), message.payload.size()));
      try {
        (*receiver)(level(message.level), line);
      } catch (...) {  // documented: what a sink throws is swallowed
      }
    }
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  static LogLevel level(spdlog::level::level_enum native) {
    switch (native) {
      case spdlog::level::info: return LogLevel::info;
      case spdlog::level::warn: return LogLevel::warning;
      case spdlog::level::err:
      case spdlog::level::critical: return LogLevel::error;
      default: return LogLevel::debug;
    }
  }

  std::mutex mutex_;
  std::shared_ptr<const LogSink> sink_;
};

struct Log {
  std::shared_ptr<HostSink> sink = std::make_shared<HostSink>();
  spdlog::logger logger{"treehold", sink};
  Log() { logger.set_level(spdlog::level::off); }
};

Log& instance() {
  static auto* const log = new Log;  // never destroyed: groups of static storage still log
  return *log;
}

}  // namespace

spdlog::logger& logger() noexcept {
  return instance().logger;
}

void set_log_sink(LogSink sink) {
  const bool wanted = static_cast<bool>(sink);
  instance().sink->set(std::move(sink));
  instance().logger.set_level(wanted ? spdlog::level::debug : spdlog::level::off);
}

}  // namespace treehold::inline v0
