#include "src/execution.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/error.hpp>

#include <treehold/error.hpp>

#include "src/log.hpp"
#include "src/private_context.hpp"

namespace treehold::inline v0 {
namespace {

using boost::system::error_code;

constexpr std::size_t first_buffer = std::size_t{4} * 1024;
constexpr std::size_t pipe_capacity =
    std::size_t{64} * 1024;  // what a pipe holds by default, pipe(7)
constexpr std::size_t largest_buffer = std::size_t{256} * 1024;
constexpr std::chrono::seconds teardown_bound{5};

/// After the end of a private tree nobody should hold its pipes any more; somebody who does (a
/// descriptor passed to a stranger, a member that left its process group) keeps us no longer than
/// this.
constexpr std::chrono::seconds longest_private_drain{5};
constexpr std::chrono::milliseconds shortest_private_pause{100};

constexpr std::size_t largest_pipe = std::size_t{1}
                                     << 20;  // the default of /proc/sys/fs/pipe-max-size

}  // namespace

RunPlan::RunPlan(const Settings& settings)
    : spawn(std::make_shared<const SpawnPlan>(settings.plan())),
      program(settings.program),
      line_ending(settings.line_ending),
      stdout_handler(settings.standard_output.line_handler),
      stderr_handler(settings.standard_error.line_handler),
      stdout_tee(settings.standard_output.tee),
      stderr_tee(settings.standard_error.tee),
      output_limit(settings.output_limit),
      timeout(settings.timeout),
      inactivity_timeout(settings.inactivity_timeout),
      timeout_grace(settings.timeout_grace),
      cancel_grace(settings.cancel_grace),
      soft_signal(platform::native_number(settings.soft_signal).value()),
      wait_scope(settings.wait_scope),
      drain_grace(settings.drain_grace) {
  if (settings.input.kind == InputKind::bytes) {
    input = settings.input_bytes;
  }
  if (settings.wants_own_group()) {
    own_group.emplace();
    own_group->limits = settings.limits;
    own_group->accounting = settings.accounting;
  }
}

std::shared_ptr<Execution> Execution::start(const platform::Executor& executor,
                                            const Settings& settings,
                                            const std::shared_ptr<GroupCore>& group) {
  if (group) {
    group->require_owner("the group");
    if (settings.wants_own_group()) {
      throw InvalidSetting(settings.limits.empty() ? "accounting" : "limits",
                           "is of private runs: give it to the group");
    }
  }
  std::shared_ptr<Execution> execution(new Execution(executor, RunPlan(settings), group));
  execution->launch();
  return execution;
}

Execution::Execution(const platform::Executor& executor, RunPlan plan,
                     const std::shared_ptr<GroupCore>& group)
    : executor_(executor),
      plan_(std::move(plan)),
      group_(group             ? group
             : plan_.own_group ? std::make_shared<GroupCore>(*plan_.own_group)
                               : GroupCore::of_private_runs()),
      private_tree_(!group),
      stdout_(plan_, plan_.stdout_handler),
      stderr_(plan_, plan_.stderr_handler),
      deadline_(executor),
      inactivity_(executor),
      drain_(executor) {}

Execution::~Execution() {
  for (const Reader* reader : {&stdout_, &stderr_}) {
    if (reader->tee) {
      reader->tee->close();
    }
  }
  if (!leaf_ || finished_) {
    return;
  }
  if (group_->is_owner()) {
    leaf_->kill();
    try {
      (void)run_to_completion<StopReport>([this](const platform::Executor& executor, auto handler) {
        std::make_shared<StopLadder>(executor, leaf_, StopPlan{std::nullopt, {}, teardown_bound})
            ->start(std::move(handler));
      });
    } catch (...) {
      end_without_waiting(*leaf_);
    }
  } else {
    leaf_->disown();
  }
  group_->leave(leaf_);
}

void Execution::launch() {
  stdout_.tee = open_tee(Stream::out);
  stderr_.tee = open_tee(Stream::err);
  memory_kills_ = group_->container().memory_kills();
  StartedLeaf started = group_->start(plan_.spawn, executor_);
  leaf_ = std::move(started.leaf);
  pid_ = started.launched.pid;
  leader_ = std::move(started.launched.leader);
  input_ = std::move(started.launched.standard_input);
  leader_->async_started(
      [self = shared_from_this()](const std::optional<platform::SpawnFailure>& failure) {
        self->leader_started(failure);
      });
  leader_->async_exited([self = shared_from_this()](const platform::ExitStatus& status) {
    self->leader_exited(status);
  });
  open(stdout_, std::move(started.launched.standard_output));
  open(stderr_, std::move(started.launched.standard_error));
  if (plan_.input) {
    // A child that does not read its input is no error.
    async_write(*plan_.input, [](const error_code&) {});
    close_input();
  }
  if (plan_.timeout) {
    watch_deadline();
  }
  if (plan_.inactivity_timeout) {
    watch_inactivity();
  }
}

// -- Standard input
// -----------------------------------------------------------------------------------------

void Execution::async_write(std::string_view bytes, platform::Handler<error_code> handler) {
  if (!input_ || input_ends_) {
    std::move(handler)(error_code(boost::asio::error::broken_pipe));
    return;
  }
  ++writes_begun_;
  writes_.push_back({bytes, std::move(handler)});
  if (writes_.size() == 1) {
    write_next();
  }
}

void Execution::write_next() {
  if (!input_) {
    wrote(boost::asio::error::operation_aborted, 0);
    return;
  }
  input_->async_write_some(writes_.front().rest,
                           [self = shared_from_this()](const error_code& error, std::size_t count) {
                             self->wrote(error, count);
                           });
}

void Execution::wrote(const error_code& error, std::size_t count) {
  writes_.front().rest.remove_prefix(count);
  if (!error && !writes_.front().rest.empty()) {
    write_next();
    return;
  }
  // What stands behind a failed write fails with it. Out of the queue first: handlers write again.
  std::deque<Write> done;
  if (error) {
    done.swap(writes_);
  } else {
    done.push_back(std::move(writes_.front()));
    writes_.pop_front();
  }
  if (!writes_.empty()) {
    write_next();
  } else if (input_ends_) {
    input_.reset();
  }
  for (Write& write : done) {
    std::move(write.handler)(error);
  }
  waiters_.progress();
}

void Execution::close_input() noexcept {
  input_ends_ = true;
  if (writes_.empty()) {
    input_.reset();
  }
}

void Execution::cut_input() noexcept {
  input_.reset();
}

// -- Captured streams
// -----------------------------------------------------------------------------------------

Capture* Execution::capture(Stream stream) noexcept {
  Reader& reader = stream == Stream::out ? stdout_ : stderr_;
  return reader.captured ? &reader.capture : nullptr;
}

std::shared_ptr<Tee> Execution::open_tee(Stream stream) const {
  const bool out = stream == Stream::out;
  const TeeSettings& settings = out ? plan_.stdout_tee : plan_.stderr_tee;
  if (!settings.wanted()) {
    return nullptr;
  }
  try {
    return std::make_shared<Tee>(settings, executor_);
  } catch (const boost::system::system_error& failure) {
    throw SpawnFailed(out ? SpawnStage::standard_output : SpawnStage::standard_error,
                      failure.code(), settings.path.value_or(""));
  }
}

void Execution::open(Reader& reader, std::unique_ptr<platform::OutputPipe> pipe) {
  if (!pipe) {
    return;
  }
  reader.captured = true;
  reader.pipe = std::move(pipe);
  reader.buffer.resize(first_buffer);
  read(reader);
}

void Execution::read(Reader& reader) {
  if (!reader.pipe || reader.reading || !reads() || (reader.tee && reader.tee->busy())) {
    return;
  }
  reader.reading = true;
  reader.pipe->async_read_some(
      reader.buffer.data(), reader.buffer.size(),
      [self = shared_from_this(), &reader](const error_code& error, std::size_t count) {
        reader.reading = false;
        if (!reader.pipe) {
          return;
        }
        if (reader.ends) {
          self->take(reader, count);
          self->cut(reader);
          self->settle();
        } else {
          self->received(reader, error, count);
        }
      });
}

void Execution::keep(Reader& reader, std::size_t count) {
  if (count == 0) {
    return;
  }
  last_activity_ = Clock::now();
  if (error_ || overflowed_) {
    return;
  }
  try {
    overflowed_ = !reader.capture.append({reader.buffer.data(), count});
  } catch (...) {
    fail(std::current_exception());
  }
  if (overflowed_) {
    log_event(LogLevel::warning, "output of {} exceeds its limit", pid_);
    climb_ladder(std::nullopt, {});
  }
}

void Execution::received(Reader& reader, const error_code& error, std::size_t count) {
  keep(reader, count);
  if (error) {
    close(reader);
    settle();
    return;
  }
  const bool copied = copy(reader, count);
  if (count == reader.buffer.size() && count < largest_buffer) {
    if (count >= pipe_capacity) {
      reader.pipe->widen();
    }
    reader.buffer.resize(4 * count);
  }
  waiters_.progress();
  if (copied) {
    read(reader);
  }
}

/// Hands what was read to the tee. False when it is still at it; then it reads on afterwards.
bool Execution::copy(Reader& reader, std::size_t count) {
  return !reader.tee ||
         reader.tee->write({reader.buffer.data(), count}, [weak = weak_from_this(), &reader] {
           if (const auto self = weak.lock()) {
             self->last_activity_ = Clock::now();
             self->read(reader);
           }
         });
}

void Execution::close(Reader& reader) {
  if (reader.tee) {
    reader.tee->close();
  }
  reader.pipe.reset();
  reader.buffer = {};
  try {
    if (!error_) {
      reader.capture.finish();
    }
  } catch (...) {
    fail(std::current_exception());
  }
}

// -- Time
// -----------------------------------------------------------------------------------------------------

void Execution::watch_deadline() {
  deadline_.expires_at(begin_ + std::min<Duration>(*plan_.timeout, std::chrono::hours(24 * 365)));
  deadline_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error) {
      self->out_of_time(Outcome::timed_out());
    }
  });
}

void Execution::watch_inactivity() {
  inactivity_.expires_at(
      last_activity_ + std::min<Duration>(*plan_.inactivity_timeout, std::chrono::hours(24 * 365)));
  inactivity_.async_wait([self = shared_from_this()](const error_code& error) {
    if (error) {
      return;
    }
    // Silence of a child that nobody listens to is not its own.
    const bool unheard = (self->stdout_.pipe && !self->stdout_.reading) ||
                         (self->stderr_.pipe && !self->stderr_.reading);
    if (unheard) {
      self->last_activity_ = Clock::now();
    }
    if (Clock::now() < self->last_activity_ + *self->plan_.inactivity_timeout) {
      self->watch_inactivity();
    } else {
      self->out_of_time(Outcome::idle_timed_out());
    }
  });
}

/// Whether the run is over as far as its wait scope goes, so that no time-out can end it any more.
bool Execution::is_over() const noexcept {
  return plan_.wait_scope == WaitScope::leader ? exit_.has_value() : tree_ended_;
}

void Execution::out_of_time(const Outcome& verdict) {
  if (is_over() || climbing_ || error_) {
    return;
  }
  log_event(LogLevel::warning, "{} {}", pid_, verdict.describe());
  verdict_ = verdict;
  if (plan_.timeout_grace > Duration::zero()) {
    climb_ladder(plan_.soft_signal, plan_.timeout_grace);
  } else {
    climb_ladder(std::nullopt, {});
  }
}

// -- The leader and its tree
// ------------------------------------------------------------------------------------

void Execution::leader_started(const std::optional<platform::SpawnFailure>& failure) {
  start_known_ = true;
  if (failure) {
    start_failed_ = true;
    log_event(LogLevel::warning, "start of {} failed: {}", plan_.spawn->program,
              failure->code.message());
    if (!error_) {
      error_ = start_error(*failure);
    }
  }
  settle();
}

std::exception_ptr Execution::start_error(const platform::SpawnFailure& failure) const {
  if (failure.stage == SpawnStage::container &&
      failure.code == boost::system::errc::resource_unavailable_try_again) {
    // Told by a helper that has joined the group, and found it fuller than it may be.
    const std::uint64_t most = group_->limits().processes.value_or(0);
    return std::make_exception_ptr(
        ProcessLimitReached(ProcessLimitOwner::group, std::to_string(most)));
  }
  const SpawnPlan& spawn = *plan_.spawn;
  const auto subject = [&]() -> std::string {
    switch (failure.stage) {
      case SpawnStage::working_directory: return spawn.directory.value_or("");
      case SpawnStage::standard_input: return spawn.standard_input.path;
      case SpawnStage::standard_output: return spawn.standard_output.path;
      case SpawnStage::standard_error: return spawn.standard_error.path;
      default: return spawn.program;
    }
  }();
  return std::make_exception_ptr(SpawnFailed(failure.stage, failure.code, subject));
}

void Execution::leader_exited(const platform::ExitStatus& status) {
  exit_ = status;
  exit_->outcome = with_cause(status.outcome);
  leaf_->leader_seen();
  log_event(LogLevel::info, "{} ended: {}", pid_, exit_->outcome.describe());
  if (climbing_) {
    settle();
  } else if (plan_.wait_scope == WaitScope::tree && !error_) {
    wait_for_tree();
  } else if (private_tree_ || error_) {
    climb_ladder(std::nullopt, {});
  } else {
    tree_ended_ = true;  // what is left of it belongs to the group
    drain(Clock::now() + plan_.drain_grace, plan_.drain_grace);
    settle();
  }
}

/// Says so when the kernel has killed the leader for want of memory.
Outcome Execution::with_cause(const Outcome& outcome) const {
  if (climbing_ || outcome.signal() != platform::native_number(Signal::kill)) {
    return outcome;
  }
  const platform::MemoryKills kills = group_->container().memory_kills();
  if (kills.at_own_limit > memory_kills_.at_own_limit) {
    return outcome.with_memory_kill(MemoryKill::own_limit);
  }
  return kills.outside > memory_kills_.outside ? outcome.with_memory_kill(MemoryKill::outside)
                                               : outcome;
}

void Execution::wait_for_tree() {
  const auto wait = std::make_shared<TreeWait>(
      executor_, leaf_, [leaf = leaf_] { return leaf->empty(); }, std::nullopt);
  tree_wait_ = wait;
  wait->start([self = shared_from_this()](bool) {
    if (!self->climbing_) {
      self->climb_ladder(std::nullopt, {});
    }
  });
}

void Execution::end_tree(std::optional<Duration> grace) {
  if (grace) {
    climb_ladder(plan_.soft_signal, *grace);
  } else {
    climb_ladder(std::nullopt, {});
  }
}

void Execution::cancel() {
  if (finished_ || error_ || (is_over() && !verdict_)) {
    return;
  }
  log_event(LogLevel::info, "run of {} is cancelled", pid_);
  error_ = std::make_exception_ptr(Cancelled(plan_.program));
  start_failed_ = start_failed_ || !start_known_;
  if (plan_.cancel_grace > Duration::zero() && !verdict_) {
    climb_ladder(plan_.soft_signal, plan_.cancel_grace);
  } else {
    climb_ladder(std::nullopt, {});
  }
}

void Execution::climb_ladder(std::optional<int> soft_signal, Duration grace) {
  if (climbing_) {
    const auto ladder = ladder_.lock();
    if (ladder && !soft_signal) {
      ladder->kill_now();
    }
    return;
  }
  if (tree_ended_) {
    return;
  }
  const auto ladder =
      std::make_shared<StopLadder>(executor_, leaf_, StopPlan{soft_signal, grace, teardown_bound});
  ladder_ = ladder;
  climbing_ = true;
  ladder->start(
      [self = shared_from_this()](StopReport report) { self->tree_ended(std::move(report)); });
}

void Execution::tree_ended(StopReport report) {
  tree_ended_ = true;
  if (!report.confirmed) {
    error_ = std::make_exception_ptr(TeardownUnconfirmed(report));
  } else if (!report.contained) {
    error_ = std::make_exception_ptr(ContainmentLost(report));
  }
  if (!report.members_before.empty() || !report.confirmed) {
    stop_report_ = std::move(report);
  }
  if (const auto wait = tree_wait_.lock()) {
    wait->cut_short();
  }
  drain(Clock::now() + longest_private_drain,
        std::max<Duration>(plan_.drain_grace, shortest_private_pause));
  settle();
}

void Execution::kill() noexcept {
  leaf_->kill();
}

/// Bounds the reading of streams that somebody may hold open. A shared group's descendants get the
/// drain grace; behind an ended tree reading goes on while bytes come, since they are its last
/// words.
void Execution::drain(Clock::time_point end, Duration pause) {
  if (!stdout_.pipe && !stderr_.pipe) {
    return;
  }
  draining_ = true;
  read(stdout_);
  read(stderr_);
  drain_.expires_at(std::min(end, Clock::now() + pause));
  drain_.async_wait(
      [self = shared_from_this(), end, pause, begin = Clock::now()](const error_code& error) {
        if (error || self->finished_) {
          return;
        }
        if (self->last_activity_ > begin && Clock::now() < end) {
          self->drain(end, pause);
          return;
        }
        self->cut(self->stdout_);
        self->cut(self->stderr_);
        self->settle();
      });
}

/// Takes what the pipe holds now, and reads no further. A pending read comes first: it may have
/// taken bytes already, although its completion is yet to be heard of.
void Execution::cut(Reader& reader) {
  if (!reader.pipe) {
    return;
  }
  if (reader.reading) {
    reader.ends = true;
    reader.pipe->cancel();
    return;
  }
  std::size_t taken = 0;
  std::optional<std::size_t> count;
  do {
    count = reader.pipe->read_now(reader.buffer.data(), reader.buffer.size());
    take(reader, count.value_or(0));
    taken += count.value_or(0);
  } while (count.value_or(0) > 0 && taken < largest_pipe);
  incomplete_ = incomplete_ || count != 0U;
  close(reader);
}

/// Of one that is read no further: nothing waits for its copy.
void Execution::take(Reader& reader, std::size_t count) {
  keep(reader, count);
  (void)copy(reader, count);
}

// -- The end
// ------------------------------------------------------------------------------------------------------

/// Keeps the first thing that went wrong and ends the tree.
void Execution::fail(std::exception_ptr error) {
  if (!error_) {
    error_ = std::move(error);
  }
  climb_ladder(std::nullopt, {});
}

/// Finishes when nothing is left to wait for.
void Execution::settle() {
  const bool survivors = stop_report_ && !stop_report_->confirmed;
  const bool leader_done = start_known_ && exit_;
  if (!finished_ && tree_ended_ && (leader_done || survivors) && !stdout_.pipe && !stderr_.pipe) {
    finish();
  }
  waiters_.progress();
}

void Execution::when(const std::shared_ptr<Waiter>& waiter) {
  if (waiters_.add(waiter)) {
    read(stdout_);
    read(stderr_);
  }
}

void Execution::abandon(const std::shared_ptr<Waiter>& waiter) {
  waiters_.abandon(waiter);
}

void Execution::finish() {
  finished_ = true;
  end_ = Clock::now();
  deadline_.cancel();
  inactivity_.cancel();
  drain_.cancel();
  input_.reset();
  leader_.reset();
  if (plan_.own_group) {
    statistics_ = group_->container().statistics();
    limit_evidence_ = group_->evidence();
  }
  group_->leave(leaf_);
  if (overflowed_ && !error_) {
    error_ = std::make_exception_ptr(OutputTooLarge(plan_.program, take_output()));
  }
}

std::optional<Outcome> Execution::outcome() const {
  if (verdict_ && finished_) {
    return verdict_;
  }
  return exit_ && !verdict_ ? std::optional(exit_->outcome) : std::nullopt;
}

void Execution::rethrow_error() const {
  if (error_) {
    std::rethrow_exception(error_);
  }
}

Output Execution::take_result() {
  rethrow_error();
  return take_output();
}

Output Execution::take_output() {
  Output output;
  output.stdout_bytes = stdout_.capture.take_all();
  output.stderr_bytes = stderr_.capture.take_all();
  output.outcome = outcome().value_or(Outcome::unknown());
  output.pid = pid_;
  output.duration = end_ - begin_;
  output.truncated = stdout_.capture.truncated() || stderr_.capture.truncated();
  output.incomplete = incomplete_;
  output.stdout_tee_error = stdout_.tee ? stdout_.tee->error() : error_code();
  output.stderr_tee_error = stderr_.tee ? stderr_.tee->error() : error_code();
  output.resource_use = exit_ ? exit_->resource_use : std::nullopt;
  output.statistics = statistics_;
  output.limit_evidence = limit_evidence_;
  output.mechanism = group_->container().mechanism();
  output.stop = stop_report_;
  return output;
}

}  // namespace treehold::inline v0
