// Many at once: programs that wait for each other, and what is neither waited for nor started any
// more.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "fifo.hpp"
#include "forms.hpp"
#include "many_tools.hpp"
#include "support.hpp"

using namespace support;
using forms::AsCompleted;
using forms::asynchronous;
using forms::Command;
using forms::Commands;
using forms::Process;
using forms::ProcessGroup;
using forms::role;
using forms::wait_all;
using forms::wait_any;
using treehold::Completed;
using treehold::Outcome;
using treehold::OutputResult;

namespace {

Command shell(const std::string& script, const std::vector<std::string>& arguments) {
  Command command("sh");
  command.args({"-c", script}).args(arguments).timeout(hang_bound);
  return command;
}

/// Programs that tell when they come and go, and stay until they are let go.
class Turnstile {
 public:
  /// Lets one go whenever `cap` wait for it, or all when nobody is to come any more.
  Turnstile(std::size_t count, std::size_t cap)
      : count_(count), attendant_([this, cap] { attend(cap); }) {}
  Turnstile(const Turnstile&) = delete;
  Turnstile& operator=(const Turnstile&) = delete;
  ~Turnstile() { join(); }

  [[nodiscard]] Commands visitors() const {
    return {count_, shell("echo + >\"$0\"; head -c 1 <\"$1\" >/dev/null; echo - >\"$0\"",
                          {log_.path(), gate_.path()})};
  }

  /// The most that were inside at a time.
  [[nodiscard]] std::size_t most() {
    join();
    return most_;
  }

 private:
  void join() {
    if (attendant_.joinable()) {
      attendant_.join();
    }
  }

  void attend(std::size_t cap) {
    std::size_t came = 0;
    std::size_t went = 0;
    std::size_t let_go = 0;
    while (went < count_) {
      const std::optional<char> sign = log_.read();
      if (!sign) {
        return;  // too few came
      }
      came += *sign == '+' ? 1U : 0U;
      went += *sign == '-' ? 1U : 0U;
      most_ = std::max(most_, came - went);
      while (let_go < came && (came - let_go == cap || came == count_) && gate_.write("x")) {
        ++let_go;
      }
    }
  }

  const std::size_t count_;
  const Fifo log_;
  const Fifo gate_;
  std::size_t most_ = 0;
  std::thread attendant_;
};

}  // namespace

TEST_CASE("results of many stand in the order of the commands", "[contract]") {
  const Fifo last_is_there;
  const Commands commands{
      shell("head -c 1 <\"$0\"; echo 0", {last_is_there.path()}),  // ends behind the last
      Command("echo", {"1"}),
      role("exit", {"2"}),
      shell("printf x >\"$0\"; echo 3", {last_is_there.path()}),
  };
  const std::vector<OutputResult> results = forms::output_all(commands, 4);
  REQUIRE(results.size() == 4);
  CHECK(results[0].value().stdout_bytes == "x0\n");
  CHECK(results[1].value().stdout_bytes == "1\n");
  CHECK(results[2].value().outcome == Outcome::exited(2));
  CHECK(results[3].value().stdout_bytes == "3\n");
}

TEST_CASE("never more than the cap are alive, and no fewer", "[contract]") {
  constexpr std::size_t count = 9;
  for (const std::size_t cap : {std::size_t{1}, std::size_t{3}, std::size_t{20}}) {
    Turnstile first(count, cap);
    for (const OutputResult& result : forms::output_all(first.visitors(), cap)) {
      CHECK(result.value().outcome == Outcome::exited(0));
    }
    CHECK(first.most() == std::min(cap, count));

    Turnstile second(count, cap);
    AsCompleted all = forms::as_completed(second.visitors(), cap);
    CHECK(order_of(all).size() == count);
    CHECK(second.most() == std::min(cap, count));

    Turnstile third(count, cap);
    ProcessGroup group;
    for (const OutputResult& result : forms::output_all(group, third.visitors(), cap)) {
      CHECK(result.value().outcome == Outcome::exited(0));
    }
    CHECK(third.most() == std::min(cap, count));
  }
}

TEST_CASE("results come in the order in which the runs end", "[contract]") {
  const Fifo gates[3];
  Commands commands;
  for (const Fifo& gate : gates) {
    commands.push_back(shell("head -c 1 <\"$0\"", {gate.path()}));
  }
  AsCompleted all = forms::as_completed(commands, 3);
  for (const std::size_t next : {std::size_t{2}, std::size_t{0}, std::size_t{1}}) {
    CHECK(gates[next].write("x"));
    const std::optional<Completed> done = all.next();
    REQUIRE(done);
    CHECK(done->index == next);
    CHECK(done->result.value().stdout_bytes == "x");
  }
  CHECK_FALSE(all.next());
}

TEST_CASE("what is not waited for any more is killed, and the rest never started", "[contract]") {
  const TempDir dir;
  const Fifo ready;
  const Lifeline lifeline;
  const Command stays =
      shell("exec 3>\"$0\"; sleep 1000 & printf x >\"$1\"; wait", {lifeline.path(), ready.path()});
  const Commands commands{shell("head -c 2 <\"$0\" >/dev/null", {ready.path()}), stays, stays,
                          stays, Command("touch", {dir / "made"})};
  {
    AsCompleted all = forms::as_completed(commands, 3);
    const std::optional<Completed> first = all.next();
    REQUIRE(first);
    CHECK(first->index == 0);
    const AsCompleted moved = std::move(all);  // takes them along
  }
  CHECK(lifeline.cut());
  CHECK(marked_processes().empty());
  CHECK_FALSE(std::filesystem::exists(dir / "made"));
}

TEST_CASE("many in a group that is stopped meanwhile", "[contract]") {
  ProcessGroup group;
  const Fifo ready;
  const Command stays = shell("printf x >\"$0\"; exec sleep 1000", {ready.path()});
  std::thread stopper([&] {
    (void)ready.read();
    (void)ready.read();
    (void)group.treehold::ProcessGroup::stop(0s);
  });
  const std::vector<OutputResult> results =
      forms::output_all(group, {stays, stays, Command("true"), Command("true")}, 2);
  stopper.join();
  CHECK(results[0].value().outcome.signal());
  CHECK(results[1].value().outcome.signal());
  CHECK(failed_with<treehold::GroupClosed>(results[2]));
  CHECK(failed_with<treehold::GroupClosed>(results[3]));
}

TEST_CASE("one of several is over", "[contract]") {
  const Fifo gates[3];
  std::vector<Process> processes;
  for (const Fifo& gate : gates) {
    processes.push_back(shell("head -c 1 <\"$0\"", {gate.path()}).start());
  }
  std::vector<Process*> waiting{&processes[0], &processes[1], &processes[2]};
  for (const std::size_t next : {std::size_t{1}, std::size_t{0}, std::size_t{0}}) {
    Process* const expected = waiting[next];
    CHECK(gates[expected - processes.data()].write("x"));
    CHECK(wait_any(waiting) == next);
    CHECK(wait_any(waiting) == next);  // as often as one likes
    CHECK(expected->wait() == Outcome::exited(0));
    CHECK(expected->output().stdout_bytes == "x");
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(next));
  }
}

TEST_CASE("all are read while one is waited for, and nothing is lost", "[contract]") {
  const Fifo ready;
  constexpr std::size_t much = 1'000'000;
  Process chatty = shell("head -c \"$1\" /dev/zero; printf x >\"$0\"; exec sleep 1000",
                         {ready.path(), std::to_string(much)})
                       .start();
  Process other = shell("head -c \"$1\" /dev/zero >&2; printf x >\"$0\"; exec sleep 1000",
                        {ready.path(), std::to_string(much)})
                      .start();
  Process last = shell("head -c 2 <\"$0\"", {ready.path()}).start();
  CHECK(wait_any({&chatty, &other, &last}) == 2);
  CHECK_FALSE(chatty.wait_for(0s));  // it goes on
  chatty.kill();
  CHECK(wait_any({&chatty, &other}) == 0);
  other.kill();
  CHECK(wait_all({&other, &chatty, &last}) ==
        std::vector<Outcome>{Outcome::signalled(SIGKILL, false), Outcome::signalled(SIGKILL, false),
                             Outcome::exited(0)});
  CHECK(chatty.output().stdout_bytes == std::string(much, '\0'));
  CHECK(other.output().stderr_bytes == std::string(much, '\0'));
  CHECK(last.output().stdout_bytes == "xx");
}

TEST_CASE("a failed run among several", "[contract]") {
  treehold::OutputLimit little;
  little.bytes = 10;
  little.policy = treehold::OverflowPolicy::fail;
  const Fifo gate;
  Process slow = shell("head -c 1 <\"$0\" >/dev/null; exit 4", {gate.path()}).start();
  Process thrower = role("lines", {"3"})
                        .on_stdout_line([](std::string_view) { throw std::out_of_range("mine"); })
                        .start();
  Process talker = role("print", {"100000"}).output_limit(little).start();
  CHECK(wait_any({&slow, &thrower}) == 1);
  CHECK_THROWS_AS(thrower.wait(), std::out_of_range);
  CHECK(wait_any({&talker, &slow}) == 0);
  CHECK_THROWS_AS(talker.wait(), treehold::OutputTooLarge);
  CHECK(gate.write("x"));
  CHECK_THROWS_AS(wait_all({&talker, &slow, &thrower}), treehold::OutputTooLarge);
  CHECK_THROWS_AS(wait_all({&slow, &thrower, &talker}), std::out_of_range);
  CHECK(slow.outcome() == Outcome::exited(4));
}

TEST_CASE("line handlers run where no handler of a signal does", "[contract]") {
  if (asynchronous()) {
    return;  // no threads are made there
  }
  struct Place {
    std::thread::id thread;
    sigset_t blocked{};
  };
  std::vector<Place> places(4);
  const auto note = [](Place& place) {
    place.thread = std::this_thread::get_id();
    ::pthread_sigmask(SIG_BLOCK, nullptr, &place.blocked);
  };
  const Fifo gate;  // no line comes before its process is waited for
  std::vector<Process> processes;
  std::vector<Process*> all;
  for (Place& place : places) {
    processes.push_back(shell("head -c 1 <\"$0\"; echo", {gate.path()})
                            .on_stdout_line([&](std::string_view) { note(place); })
                            .start());
  }
  for (Process& process : processes) {
    all.push_back(&process);
  }
  CHECK(gate.write("xxxx"));
  Place here;
  note(here);
  CHECK(wait_all({&processes[0]}) == std::vector<Outcome>{Outcome::exited(0)});
  CHECK(places[0].thread == here.thread);  // one alone needs no thread
  (void)wait_all(all);
  std::size_t elsewhere = 0;
  for (const Place& place : places) {
    if (place.thread != here.thread) {
      ++elsewhere;
      CHECK(sigismember(&place.blocked, SIGTERM) == 1);
      CHECK(sigismember(&place.blocked, SIGCHLD) == 1);
      CHECK(sigismember(&place.blocked, SIGUSR1) == 1);
      CHECK(sigismember(&place.blocked, SIGSEGV) == 0);  // a crash is reported as ever
    }
  }
  CHECK(elsewhere == 2);
  Place after;
  note(after);
  for (int signal = 1; signal < 32; ++signal) {
    CHECK(sigismember(&after.blocked, signal) == sigismember(&here.blocked, signal));
  }
}
