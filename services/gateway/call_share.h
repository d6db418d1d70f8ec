// What one call has of what all calls share; given back when it ends, whatever way it ends.
#pragma once

#include <cstddef>
#include <string>

#include "services/gateway/front_limits.h"

namespace stackyard::gateway {

// On the call's loop.
class CallShare {
 public:
  // `limits` must outlive it.
  explicit CallShare(FrontLimits& limits) : limits_(limits) {}
  ~CallShare();
  CallShare(const CallShare&) = delete;
  CallShare& operator=(const CallShare&) = delete;

  // A place among the open calls, or among those of local routes; false when there is none. Once.
  bool Open(bool local);
  // A place among those of a user, by id. Once.
  bool OpenFor(const std::string& user);
  // Gives these places back.
  void Close();

  // How much of a message is held until it is whole, in bytes. False when all calls together hold
  // too much; less than before is never refused.
  bool Hold(size_t bytes);

 private:
  enum class Place { kNone, kCall, kLocal };

  FrontLimits& limits_;
  Place place_ = Place::kNone;
  // Empty: nobody's.
  std::string user_;
  size_t held_ = 0;
};

}  // namespace stackyard::gateway
