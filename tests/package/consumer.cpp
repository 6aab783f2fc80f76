// What every consumer of the package tests builds and runs.
#include <iostream>

#include <treehold/treehold.hpp>

int main() {
  std::cout << treehold::Command("echo", {"hi"}).run() << '\n';
}
