#include <treehold/outcome.hpp>
#include <treehold/signal.hpp>

namespace treehold::inline v0 {

Outcome Outcome::exited(int code) noexcept {
  return {Kind::exited, code, false};
}
Outcome Outcome::signalled(int native_signal, bool core_dumped) noexcept {
  return {Kind::signalled, native_signal, core_dumped};
}
Outcome Outcome::timed_out() noexcept {
  return {Kind::timed_out, 0, false};
}
Outcome Outcome::idle_timed_out() noexcept {
  return {Kind::idle_timed_out, 0, false};
}
Outcome Outcome::unknown() noexcept {
  return {};
}

Outcome Outcome::with_memory_kill(MemoryKill kill) const noexcept {
  Outcome outcome = *this;
  outcome.memory_kill_ = kill;
  return outcome;
}

std::optional<int> Outcome::code() const noexcept {
  return kind_ == Kind::exited ? std::optional(value_) : std::nullopt;
}

std::optional<int> Outcome::signal() const noexcept {
  return kind_ == Kind::signalled ? std::optional(value_) : std::nullopt;
}

std::string_view Outcome::note() const noexcept {
  switch (memory_kill_) {
    case MemoryKill::own_limit: return " (out of memory: the limit of the group)";
    case MemoryKill::outside: return " (out of memory outside of the group)";
    case MemoryKill::none: break;
  }
  return core_dumped_ ? " (core dumped)" : "";
}

std::string Outcome::describe() const {
  switch (kind_) {
    case Kind::exited: return "exit code " + std::to_string(value_);
    case Kind::signalled: return signal_name(value_) + std::string(note());
    case Kind::timed_out: return "timed out";
    case Kind::idle_timed_out: return "timed out for inactivity";
    case Kind::unknown: break;
  }
  return "unknown";
}

}  // namespace treehold::inline v0
