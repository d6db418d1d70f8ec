// What confining costs: the same command bare and in a box, in turns. Medians in milliseconds.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "services/runner/containment.h"
#include "services/runner/file.h"
#include "services/runner/process.h"

namespace stackyard::runner {
namespace {

double Milliseconds(const Command& command) {
  const absl::Time start = absl::Now();
  const auto outcome = RunProcess(command, RunControl(), {}, nullptr, nullptr);
  if (!outcome.ok() || !outcome->ok()) {
    std::cerr << "the command failed: " << outcome.status() << "\n";
    std::exit(1);
  }
  return absl::ToDoubleMilliseconds(absl::Now() - start);
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

double Least(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}

int Main(int rounds) {
  char folder[] = "/tmp/confine-bench-XXXXXX";
  if (mkdtemp(folder) == nullptr || chmod(folder, 0711) != 0) return 1;
  ContainmentOptions options;
  options.scratch = folder;
  if (getuid() == 0) options.slot_uids = 700'000;
  const auto containment = Containment::Open(options, "confine-bench");
  for (const auto& missing : containment->missing()) {
    std::cout << "without " << missing.feature << ": " << missing.why << "\n";
  }
  Command bare{{"/bin/true"}, {"PATH=/usr/bin:/bin"}, folder};
  std::vector<double> plain;
  std::vector<double> confined;
  std::vector<double> offline;
  std::vector<double> boxes;
  for (int i = 0; i < rounds; ++i) {
    const absl::Time start = absl::Now();
    auto box = containment->MakeBox({.memory_bytes = 1 << 30, .processes = 256});
    if (!box.ok() || !(*box)->Own(folder).ok()) return 1;
    const std::vector<Bind> folders = {{folder, /*writable=*/true}};
    boxes.push_back(absl::ToDoubleMilliseconds(absl::Now() - start));
    plain.push_back(Milliseconds(bare));
    confined.push_back(Milliseconds((*box)->Confine(bare, folders, /*network=*/true)));
    offline.push_back(Milliseconds((*box)->Confine(bare, folders, /*network=*/false)));
  }
  std::cout << "bare " << Median(plain) << " ms, confined " << Median(confined)
            << " ms, without a network " << Median(offline) << " ms; a box for a run "
            << Median(boxes)
            << " ms\n"
            // What it takes on a machine that does nothing else.
            << "at least: bare " << Least(plain) << " ms, confined " << Least(confined)
            << " ms, without a network " << Least(offline) << " ms\n";
  RemoveFolder(folder);
  return 0;
}

}  // namespace
}  // namespace stackyard::runner

int main(int argc, char** argv) {
  return stackyard::runner::Main(argc > 1 ? std::atoi(argv[1]) : 200);
}
