// Who is told of which event, and in what words: a pure table. docs/notices.md shows it to people.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "stackyard/v1/change_requests.pb.h"
#include "stackyard/v1/events.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::stacks {

// What an event is about, as far as it is known.
struct Subject {
  // Who made the stack, and who asked for its latest revision; empty: unknown.
  std::string creator;
  std::string stack_requester;
  // The request that the event is about, or that its stack waits for; nullptr: none.
  const v1::ChangeRequest* request = nullptr;
};

// A notice, and whom it is addressed to.
struct Notice {
  // One line.
  std::string title;
  std::string text;
  std::string resource;
  // `users/{user}`, and `roles/{role}` for whoever holds the role on the project.
  std::vector<std::string> recipients;
  // Who is not told even so: it is of their own doing.
  std::string not_to;
};

// The notice of an event. Without recipients: nobody is told. Nobody hears twice of one thing:
// where two events of one change would reach the same people, the table is silent about one of
// them.
Notice NoticeOf(const v1::Event& event, const Subject& subject);

}  // namespace stackyard::stacks
