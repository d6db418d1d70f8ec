// What the processes of the race share besides the database: a file in memory.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <new>
#include <string>

namespace stackyard::quota {

inline constexpr int kMostCallers = 64;
// Those from this one on may be killed.
inline constexpr int kFirstVictim = 48;
inline constexpr int64_t kRaceLimit = 8;

struct RaceBoard {
  // Units that callers know they hold: those of victims above the lowest 32 bits. Raised when a
  // reservation was answered and lowered before it is released, so never more than what is really
  // held.
  std::atomic<int64_t> held;
  // Times that it was over the limit.
  std::atomic<int64_t> over;
  // Calls that failed as none should.
  std::atomic<int64_t> faults;
  // Longest that a call took, in milliseconds.
  std::atomic<int64_t> longest;
  // By caller: reservations that were admitted, and the number of the last one.
  std::atomic<int64_t> admitted[kMostCallers];

  // Answers what all hold then.
  int64_t Raise(int caller) {
    const int64_t now = held += UnitOf(caller);
    return (now & UINT32_MAX) + (now >> 32);
  }
  void Lower(int caller) { held -= UnitOf(caller); }
  // Nobody will lower what victims raised.
  void ForgetVictims() { held &= UINT32_MAX; }
  static int64_t UnitOf(int caller) { return caller < kFirstVictim ? 1 : int64_t{1} << 32; }

  // Maps the file, which is made when it is not there.
  static RaceBoard* Open(const std::string& path) {
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof(RaceBoard)) != 0) return nullptr;
    void* memory = mmap(nullptr, sizeof(RaceBoard), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return memory == MAP_FAILED ? nullptr : static_cast<RaceBoard*>(memory);
  }
};
static_assert(std::atomic<int64_t>::is_always_lock_free);

// Name of a caller's reservation.
inline std::string RaceName(int caller, int64_t number) {
  return "projects/web/quota/reservations/c" + std::to_string(caller) + "-" +
         std::to_string(number);
}

// The caller that a name of these tells.
inline int RaceCaller(const std::string& name) {
  return std::stoi(name.substr(name.rfind('c') + 1));
}

}  // namespace stackyard::quota
