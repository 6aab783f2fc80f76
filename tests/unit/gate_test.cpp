#include "src/gate.hpp"

#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

TEST_CASE("a gate lets many in together, or one alone", "[unit]") {
  treehold::Gate gate;
  std::atomic<int> inside{0};
  std::atomic<bool> mixed{false};
  long counted = 0;  // guarded by the gate
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, alone = thread % 2 == 0] {
      for (int round = 0; round < 20'000; ++round) {
        if (alone) {
          const std::unique_lock lock(gate);
          mixed = mixed || inside != 0;
          ++counted;
        } else {
          const std::shared_lock lock(gate);
          ++inside;
          --inside;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK_FALSE(mixed);
  CHECK(counted == 40'000);
  const std::shared_lock first(gate);
  const std::shared_lock second(gate);  // does not wait for the first
}
