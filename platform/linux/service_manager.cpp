// systemd, asked with sd-bus of libsystemd: sd-bus(3), org.freedesktop.systemd1(5). Everything is
// sent without waiting and answered in one loop with one deadline: the synchronous calls wait for
// the connection as long as the library likes.
#include "platform/linux/service_manager.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "platform/linux/bus_library.hpp"
#include "platform/platform.hpp"

namespace treehold::inline v0::platform {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* service = "org.freedesktop.systemd1";
constexpr const char* object = "/org/freedesktop/systemd1";
constexpr const char* interface = "org.freedesktop.systemd1.Manager";

/// What a call has for itself, in microseconds: longer than the deadline for all of them.
constexpr std::chrono::hours longest{1};
constexpr std::uint64_t never = std::chrono::microseconds(2 * longest).count();

struct CloseBus {
  void operator()(sd_bus* bus) const noexcept { bus_library().close_unref(bus); }
};
using Bus = std::unique_ptr<sd_bus, CloseBus>;

struct UnrefMessage {
  void operator()(sd_bus_message* message) const noexcept { bus_library().unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, UnrefMessage>;

std::string text_of(int error) {
  return std::error_code(-error, std::system_category()).message();
}

/// For what fails only when memory or the connection does.
void require(int result) {
  if (result < 0) {
    throw no_scope("the bus: " + text_of(result));
  }
}

/// A connection that nobody else has.
Bus open_bus(ServiceManager manager) {
  const bool of_system = manager == ServiceManager::system;
  sd_bus* opened = nullptr;
  const int result =
      of_system ? bus_library().open_system(&opened) : bus_library().open_user(&opened);
  Bus bus(opened);
  if (result < 0) {
    throw no_scope(
        std::string(of_system ? "the system's bus" : "the user's bus") + " cannot be reached: " +
        (result == -ENOMEDIUM ? "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set"
                              : text_of(result)));
  }
  return bus;
}

/// Answers what comes until `reached`, or throws that `awaited` did not come.
template <class Reached>
void run_until(sd_bus* bus, Clock::time_point deadline, const char* awaited, Reached reached) {
  while (!reached()) {
    const int handled = bus_library().process(bus, nullptr);
    if (handled < 0) {
      throw no_scope(std::string(awaited) + ": " + text_of(handled));
    }
    if (handled > 0) {
      continue;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now());
    if (left.count() <= 0) {
      throw no_scope(std::string(awaited) + ": no answer in time");
    }
    const int waited = bus_library().wait(bus, static_cast<std::uint64_t>(left.count()));
    if (waited < 0 && waited != -EINTR) {
      throw no_scope(std::string(awaited) + ": " + text_of(waited));
    }
  }
}

/// The call that makes a scope and puts the sender into it, as one job.
Message scope_call(sd_bus* bus, const std::string& unit, const std::string& slice,
                   const char* oom_policy) {
  sd_bus_message* made = nullptr;
  require(
      bus_library().new_method_call(bus, &made, service, object, interface, "StartTransientUnit"));
  Message call(made);
  const auto add_text = [made](const char* property, const char* value) {
    require(bus_library().append(made, "(sv)", property, "s", value));
  };
  const std::string description = "treehold host " + std::to_string(::getpid());
  require(bus_library().set_auto_start(made, 0));
  require(bus_library().append(made, "ss", unit.c_str(), "fail"));
  require(bus_library().open_container(made, 'a', "(sv)"));
  add_text("Description", description.c_str());
  if (!slice.empty()) {
    add_text("Slice", slice.c_str());
  }
  // 0 is who sends this: our own number may be another process's where the manager is.
  require(bus_library().append(made, "(sv)", "PIDs", "au", 1, 0U));
  require(bus_library().append(made, "(sv)", "Delegate", "b", 1));
  add_text("CollectMode", "inactive-or-failed");
  if (oom_policy != nullptr) {
    add_text("OOMPolicy", oom_policy);
  }
  require(bus_library().close_container(made));
  require(bus_library().append(made, "a(sa(sv))", 0));
  return call;
}

/// What came of a call.
class Answer {
 public:
  static int take(sd_bus_message* message, void* answer, sd_bus_error* /*unused*/) noexcept {
    static_cast<Answer*>(answer)->message_.reset(bus_library().ref(message));
    return 0;
  }

  [[nodiscard]] bool came() const noexcept { return message_ != nullptr; }
  [[nodiscard]] const sd_bus_error* error() const noexcept {
    return bus_library().get_error(message_.get());
  }

  /// The path of an object; empty where the answer has none.
  [[nodiscard]] std::string_view path() const noexcept {
    const char* path = nullptr;
    return came() && bus_library().rewind(message_.get(), 1) >= 0 &&
                   bus_library().read(message_.get(), "o", &path) > 0
               ? path
               : std::string_view();
  }

 private:
  Message message_;
};

/// A job from the call that begins it to its end.
struct Job {
  Answer begun;
  Message removed;
  const char* result = "";

  /// Hears of the ends of all jobs. Ours is known by then: its answer comes first.
  static int take(sd_bus_message* message, void* self, sd_bus_error* /*unused*/) noexcept {
    Job& job = *static_cast<Job*>(self);
    std::uint32_t number = 0;
    const char* path = nullptr;
    const char* unit = nullptr;
    const char* result = nullptr;
    if (bus_library().read(message, "uoss", &number, &path, &unit, &result) > 0 &&
        job.begun.path() == path) {
      job.removed.reset(bus_library().ref(message));
      job.result = result;
    }
    return 0;
  }
};

}  // namespace

ServiceManager manager_for(ServiceManager wanted) noexcept {
  if (wanted != ServiceManager::automatic) {
    return wanted;
  }
  return ::geteuid() == 0 ? ServiceManager::system : ServiceManager::user;
}

std::optional<ManagerProblem> problem_with_manager(ServiceManager wanted) {
  std::error_code ignored;
  // As sd_booted(3) has it.
  if (!std::filesystem::is_directory("/run/systemd/system", ignored)) {
    return ManagerProblem{"systemd does not run here: there is no /run/systemd/system", ""};
  }
  if (manager_for(wanted) == ServiceManager::user &&
      !environment_variable("DBUS_SESSION_BUS_ADDRESS") &&
      !environment_variable("XDG_RUNTIME_DIR")) {
    return ManagerProblem{
        "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR tells where the user's service "
        "manager is",
        "start the host in a login session, or below the user's service manager"};
  }
  if (const std::string& problem = bus_library_problem(); !problem.empty()) {
    return ManagerProblem{problem, "install libsystemd"};
  }
  return std::nullopt;
}

void start_scope(const std::string& unit, const ScopeOptions& options) {
  const Clock::time_point deadline =
      Clock::now() + std::min<std::chrono::nanoseconds>(options.timeout, longest);
  Job job;  // outlives the bus, which has its address
  const Bus bus = open_bus(manager_for(options.manager));
  run_until(bus.get(), deadline, "the bus", [&] { return bus_library().is_ready(bus.get()) > 0; });
  // Before the job begins, which may be over when its answer is read.
  require(bus_library().match_signal_async(bus.get(), nullptr, service, object, interface,
                                           "JobRemoved", Job::take, nullptr, &job));
  const auto begin = [&](const char* oom_policy) {
    job.begun = {};
    const Message call = scope_call(bus.get(), unit, options.slice, oom_policy);
    require(
        bus_library().call_async(bus.get(), nullptr, call.get(), Answer::take, &job.begun, never));
    run_until(bus.get(), deadline, "the service manager", [&] { return job.begun.came(); });
  };
  begin("continue");
  if (bus_library().error_has_name(job.begun.error(), SD_BUS_ERROR_PROPERTY_READ_ONLY) != 0) {
    begin(
        nullptr);  // before systemd 253, where scopes outlive what the kernel kills in them anyway
  }
  if (const sd_bus_error* const refused = job.begun.error(); refused != nullptr) {
    throw no_scope("the service manager refused: " + std::string(refused->name) + ": " +
                   (refused->message == nullptr ? "" : refused->message));
  }
  run_until(bus.get(), deadline, "the service manager's job",
            [&] { return job.removed != nullptr; });
  if (std::string_view(job.result) != "done") {
    throw no_scope("the service manager's job for " + unit + " ended as: " + job.result);
  }
}

}  // namespace treehold::inline v0::platform
