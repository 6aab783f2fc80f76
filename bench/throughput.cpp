// What comes through a captured stream: bytes and lines, against a bare read(2) loop on a pipe of
// 1 MiB from a child that was started with posix_spawn(3). The ways are taken in turn and shuffled;
// prints the median throughput and its ratio to the bare loops.
//
//     bench_throughput [ROUNDS] [MIB]
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "bench/report/report.hpp"
#include "bench/report/rounds.hpp"

namespace {

using bench::Clock;
using bench::median;

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t line_bytes = 80;  // with its ending
constexpr char self[] = "/proc/self/exe";

// -- The child
// ------------------------------------------------------------------------------------------

/// Writes lines, a pipe's worth at a time.
int write_lines(std::size_t bytes) {
  std::string block(mebibyte / line_bytes * line_bytes, 'x');
  for (std::size_t end = line_bytes; end <= block.size(); end += line_bytes) {
    block[end - 1] = '\n';
  }
  while (bytes > 0) {
    const ssize_t count = ::write(STDOUT_FILENO, block.data(), std::min(bytes, block.size()));
    if (count < 0) {
      return 1;
    }
    bytes -= static_cast<std::size_t>(count);
  }
  return 0;
}

// -- The bare loops
// ------------------------------------------------------------------------------------------

/// Starts the child and calls `take` with what each read brought.
template <class Take>
std::size_t read_bare(std::size_t bytes, Take take) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0 ||
      ::fcntl(ends[0], F_SETPIPE_SZ, static_cast<int>(mebibyte)) < 0) {
    throw std::runtime_error("no pipe of 1 MiB");
  }
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  const std::string amount = std::to_string(bytes);
  char* const argv[] = {const_cast<char*>(self), const_cast<char*>("write"),
                        const_cast<char*>(amount.c_str()), nullptr};
  pid_t pid = -1;
  if (::posix_spawn(&pid, self, &actions, nullptr, argv, environ) != 0) {
    throw std::runtime_error("posix_spawn");
  }
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);

  std::size_t seen = 0;
  std::vector<char> buffer(mebibyte / 4);
  for (;;) {
    const ssize_t count = ::read(ends[0], buffer.data(), buffer.size());
    if (count <= 0) {
      break;
    }
    seen += static_cast<std::size_t>(count);
    take(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return seen;
}

std::size_t bare_discarding(std::size_t bytes) {
  return read_bare(bytes, [](std::string_view) {});
}

std::size_t bare_keeping(std::size_t bytes) {
  std::string kept;
  read_bare(bytes, [&kept](std::string_view some) { kept.append(some); });
  return kept.size();
}

/// What a line is worth to those who take it: enough that none is left out by the compiler.
struct LineCount {
  std::size_t bytes = 0;
  void take(std::string_view line) { bytes += line.size() + 1; }
};

/// Calls `take` with every line.
template <class Take>
void split_bare(std::size_t bytes, Take take) {
  std::string partial;
  read_bare(bytes, [&](std::string_view some) {
    while (!some.empty()) {
      const void* const ending = std::memchr(some.data(), '\n', some.size());
      if (ending == nullptr) {
        partial.append(some);
        return;
      }
      const auto length = static_cast<std::size_t>(static_cast<const char*>(ending) - some.data());
      if (partial.empty()) {
        take(some.substr(0, length));
      } else {
        take(std::string_view(partial.append(some.substr(0, length))));
        partial.clear();
      }
      some.remove_prefix(length + 1);
    }
  });
}

/// Hands every line to a function that the loop does not know, as a library must.
std::size_t bare_lines(std::size_t bytes) {
  LineCount lines;
  const std::function<void(std::string_view)> handler = [&lines](std::string_view line) {
    lines.take(line);
  };
  split_bare(bytes, handler);
  return lines.bytes;
}

/// The same for those who want a string of their own for each line, as `read_line` gives it.
std::size_t bare_strings(std::size_t bytes) {
  LineCount lines;
  const std::function<void(std::string)> handler = [&lines](const std::string& line) {
    lines.take(line);
  };
  split_bare(bytes, [&handler](std::string_view line) { handler(std::string(line)); });
  return lines.bytes;
}

// -- The library
// ------------------------------------------------------------------------------------------

treehold::Command writer(std::size_t bytes) {
  return treehold::Command(self, {"write", std::to_string(bytes)}).stderr_null();
}

treehold::OutputLimit cap(treehold::OverflowPolicy policy) {
  return {.bytes = mebibyte, .lines = std::nullopt, .policy = policy};
}

std::size_t captured(std::size_t bytes) {
  return writer(bytes).checked().stdout_bytes.size();
}

/// As much as went through: the child ends only when all was taken.
std::size_t captured_with_cap(std::size_t bytes, treehold::OverflowPolicy policy) {
  const treehold::Output output = writer(bytes).output_limit(cap(policy)).checked();
  return output.stdout_bytes.size() == mebibyte ? bytes : 0;
}

std::size_t read_some(std::size_t bytes) {
  std::size_t seen = 0;
  treehold::Process process = writer(bytes).start();
  for (;;) {
    const std::string some = process.read_some(treehold::Stream::out, mebibyte);
    if (some.empty()) {
      return seen;
    }
    seen += some.size();
  }
}

std::size_t handled_lines(std::size_t bytes) {
  LineCount lines;
  writer(bytes)
      .output_limit(cap(treehold::OverflowPolicy::keep_first))
      .on_stdout_line([&lines](std::string_view line) { lines.take(line); })
      .checked();
  return lines.bytes;
}

std::size_t read_lines(std::size_t bytes) {
  LineCount lines;
  treehold::Process process = writer(bytes).start();
  while (const std::optional<std::string> line = process.read_line(treehold::Stream::out)) {
    lines.take(*line);
  }
  return lines.bytes;
}

std::size_t read_batches(std::size_t bytes) {
  LineCount lines;
  treehold::Process process = writer(bytes).start();
  for (;;) {
    const treehold::LineBatch batch = process.read_lines(treehold::Stream::out);
    if (batch.empty()) {
      return lines.bytes;
    }
    for (const std::string_view line : batch) {
      lines.take(line);
    }
  }
}

/// Reads a process to its end on a context of the host's, each operation begun in the handler of
/// the one before.
template <class Derived>
struct Chain {
  treehold::Process process;
  std::size_t seen = 0;

  static std::size_t run(std::size_t bytes) {
    boost::asio::io_context context(1);
    Derived chain;
    writer(bytes).async_start(context,
                              [&chain](const std::exception_ptr& error, treehold::Process started) {
                                require_none(error);
                                chain.process = std::move(started);
                                chain.next();
                              });
    context.run();
    return chain.seen;
  }

  static void require_none(const std::exception_ptr& error) {
    if (error) {
      std::rethrow_exception(error);
    }
  }
};

struct LineChain : Chain<LineChain> {
  void next() {
    process.async_read_line(treehold::Stream::out, [this](const std::exception_ptr& error,
                                                          const std::optional<std::string>& line) {
      require_none(error);
      if (line) {
        seen += line->size() + 1;
        next();
      }
    });
  }
};

struct BatchChain : Chain<BatchChain> {
  void next() {
    process.async_read_lines(treehold::Stream::out, [this](const std::exception_ptr& error,
                                                           const treehold::LineBatch& batch) {
      require_none(error);
      if (!batch.empty()) {
        for (const std::string_view line : batch) {
          seen += line.size() + 1;
        }
        next();
      }
    });
  }
};

struct ByteChain : Chain<ByteChain> {
  void next() {
    process.async_read_some(treehold::Stream::out, mebibyte,
                            [this](const std::exception_ptr& error, const std::string& some) {
                              require_none(error);
                              if (!some.empty()) {
                                seen += some.size();
                                next();
                              }
                            });
  }
};

// -- Measuring
// ------------------------------------------------------------------------------------------

struct Way {
  std::string name;
  std::function<std::size_t(std::size_t bytes)> run;  ///< the bytes that it has seen
  std::vector<double> speed;                          ///< MiB/s
  std::size_t part = 1;  ///< what is too slow for all of the bytes is given one part of so many
};

/// The first two ways are the bare loops that the others are held against.
void measure(const char* title, std::vector<Way> ways, std::size_t all, int rounds) {
  bench::in_turn(ways, 1, rounds, [all](Way& way, bool counts) {
    const std::size_t bytes = all / way.part / line_bytes * line_bytes;
    const auto begin = Clock::now();
    const std::size_t seen = way.run(bytes);
    const std::chrono::duration<double> seconds = Clock::now() - begin;
    if (seen != bytes) {
      throw std::runtime_error(way.name + " has seen " + std::to_string(seen) + " bytes");
    }
    if (counts) {
      way.speed.push_back(static_cast<double>(bytes) / mebibyte / seconds.count());
    }
  });
  std::printf("\n%s\n\n| %-34s | of bare 1 | of bare 2 | median MiB/s | least | most |\n", title,
              "way");
  std::printf("|---|---|---|---|---|---|\n");
  for (const Way& way : ways) {
    std::printf("| %-34s | %.2f | %.2f | %.0f | %.0f | %.0f |\n", way.name.c_str(),
                median(way.speed) / median(ways[0].speed),
                median(way.speed) / median(ways[1].speed), median(way.speed),
                bench::at(way.speed, 0), bench::at(way.speed, 1));
  }
  std::fflush(stdout);
  bench::Comparison chart{std::string("Throughput, ") + title, "MiB/s", {}};
  for (Way& way : ways) {
    chart.series.push_back({way.name, std::move(way.speed)});
  }
  bench::print_chart(chart);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "write") == 0) {
    return write_lines(std::strtoull(argv[2], nullptr, 10));
  }
  using treehold::OverflowPolicy;
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  const std::size_t mib = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1024;
  const std::size_t bytes = mib * mebibyte;
  std::printf("%s, %zu MiB, %d rounds\n",
              std::string(treehold::to_string(treehold::ProcessGroup().mechanism())).c_str(), mib,
              rounds);
  measure("bytes",
          {
              {"bare 1: read, discard", bare_discarding, {}},
              {"bare 2: read, keep all", bare_keeping, {}},
              {"output, all kept", captured, {}},
              {"output, first MiB kept",
               [](std::size_t size) { return captured_with_cap(size, OverflowPolicy::keep_first); },
               {}},
              {"output, last MiB kept",
               [](std::size_t size) { return captured_with_cap(size, OverflowPolicy::keep_last); },
               {}},
              {"Process::read_some", read_some, {}},
              {"Process::async_read_some, chained", ByteChain::run, {}},
          },
          bytes, rounds);
  measure("lines of 80 bytes",
          {
              {"bare 1: read, discard", bare_discarding, {}},
              {"bare 2: read, split, call", bare_lines, {}},
              {"bare, a string of each line", bare_strings, {}},
              {"on_stdout_line", handled_lines, {}},
              {"Process::read_line", read_lines, {}},
              {"Process::read_lines", read_batches, {}},
              {"Process::async_read_lines, chained", BatchChain::run, {}},
              {"Process::async_read_line, chained", LineChain::run, {}, 16},
          },
          bytes, rounds);
  return 0;
}
