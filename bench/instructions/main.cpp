// How many instructions the hot paths take, on each mechanism that this host has: a regression is
// seen without a clock, also on a machine that is busy with other work. Needs ptrace(2).
//
//     bench_instructions                prints the counts
//     bench_instructions --check FILE   beside those that are kept; fails when one has grown
//     bench_instructions --write FILE   and keeps them
//
// The counts belong to one build on one system: they change with the compiler and its options, with
// libc and with what the kernel can do.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <treehold/mechanism.hpp>

#include "bench/instructions/kept.hpp"
#include "bench/instructions/tracer.hpp"

namespace instructions {
namespace {

constexpr int skipped = 77;

/// By which share a count may differ from what is kept, on another kernel and processor as well. On
/// one and the same most rounds differ by less than 1 %; where one is woken up once more on its
/// way, which happens now and then, it is 7 %, and the others decide. In a teardown processes die
/// while they are waited for: that is 4 %.
double tolerance(std::size_t path) {
  return paths.at(path) == "teardown" ? 0.20 : 0.10;
}

/// What a median is taken of. A check ends sooner, when what it has seen is as it should be.
constexpr std::size_t rounds = 7;

/// Of an even number the lower one: what disturbs a count adds to it.
long median(Counts counts) {
  const auto middle = counts.begin() + (static_cast<std::ptrdiff_t>(counts.size()) - 1) / 2;
  std::nth_element(counts.begin(), middle, counts.end());
  return *middle;
}

double ratio(long count, long kept) {
  return static_cast<double>(count) / static_cast<double>(kept);
}

bool is_as_kept(std::size_t path, long count, std::optional<long> kept) {
  return kept && std::abs(ratio(count, *kept) - 1) <= tolerance(path);
}

/// The counts of all mechanisms, printed as they come; beside those that are kept, where some are.
class Table {
 public:
  explicit Table(std::optional<KeptCounts> kept) : kept_(std::move(kept)) {
    std::puts(kept_ ? "| mechanism | path | instructions | kept | ratio |\n|---|---|---|---|---|"
                    : "| mechanism | path | instructions |\n|---|---|---|");
  }

  void count(std::string_view mechanism) {
    const auto all = count_instructions(mechanism, [&](std::size_t path, const Counts& counts) {
      return counts.size() >= rounds || is_as_kept(path, median(counts), kept(mechanism, path));
    });
    for (std::size_t path = 0; path < paths.size(); ++path) {
      if (!all[path].empty()) {
        add(mechanism, path, median(all[path]));
      }
    }
    std::fflush(stdout);
  }

  [[nodiscard]] const KeptCounts& counted() const { return counted_; }

  /// What is not as it was kept.
  [[nodiscard]] const std::string& remarks() const { return remarks_; }

  /// Whether something takes more than is kept, or nothing is kept of it.
  [[nodiscard]] bool has_grown() const { return has_grown_; }

 private:
  [[nodiscard]] std::optional<long> kept(std::string_view mechanism, std::size_t path) const {
    return kept_ ? kept_->of(mechanism, paths.at(path)) : std::nullopt;
  }

  void add(std::string_view mechanism, std::size_t path, long count) {
    counted_.put(mechanism, paths[path], count);
    const std::string name = std::string(mechanism) + " | " + std::string(paths[path]);
    std::printf("| %s | %ld |", name.c_str(), count);
    if (kept_) {
      const std::optional<long> kept_count = kept(mechanism, path);
      print_kept(count, kept_count);
      if (!is_as_kept(path, count, kept_count)) {
        remark(name, kept_count && count < *kept_count);
      }
    }
    std::printf("\n");
  }

  static void print_kept(long count, std::optional<long> kept) {
    if (kept) {
      std::printf(" %ld | %.3f |", *kept, ratio(count, *kept));
    } else {
      std::printf(" none | |");
    }
  }

  void remark(const std::string& name, bool less) {
    has_grown_ = has_grown_ || !less;
    remarks_ +=
        name + (less ? ": takes less, which should be kept\n" : ": takes more than is kept\n");
  }

  std::optional<KeptCounts> kept_;
  KeptCounts counted_;
  std::string remarks_;
  bool has_grown_ = false;
};

int count_all(const std::string& verb, const std::string& file) {
  Table table(verb == "--check" ? std::optional(KeptCounts(file)) : std::nullopt);
  std::string absent;
  for (const treehold::MechanismReport& report : treehold::host_report().mechanisms) {
    const std::string name(treehold::to_string(report.guarantees.mechanism));
    if (report.available.holds) {
      table.count(name);
    } else {
      absent += name + " is not available: " + report.available.reason + '\n';
    }
  }
  std::printf("\n%s%s", absent.c_str(), table.remarks().c_str());
  if (!table.remarks().empty()) {
    std::printf("What is meant to be so is kept with --write %s\n", file.c_str());
  }
  if (verb == "--write") {
    table.counted().write(file);
  }
  return table.has_grown() ? 1 : 0;
}

int run(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == host_role) {
    return play_host(argv[0]);
  }
  if (verb == writer_role) {
    return play_writer();
  }
  if (verb == sleeper_role) {
    play_sleeper();
  }
  const bool has_file = verb == "--check" || verb == "--write";
  if (argc != (has_file ? 3 : 1)) {
    std::fprintf(stderr, "usage: bench_instructions [--check FILE | --write FILE]\n");
    return 2;
  }
  return count_all(verb, has_file ? argv[2] : "");
}

}  // namespace
}  // namespace instructions

int main(int argc, char** argv) {
  try {
    return instructions::run(argc, argv);
  } catch (const instructions::NotTraceable& refusal) {
    std::printf("skipped: %s\n", refusal.reason.c_str());
    return instructions::skipped;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
