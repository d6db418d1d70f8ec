#include <map>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/live_block.h"
#include "cli/names.h"
#include "cli/reconnect.h"
#include "cli/stack_text.h"
#include "cli/text.h"
#include "common/status_macros.h"
#include "stackyard/v1/events.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::cli {
namespace {

constexpr char kStack[] = "projects/*/stacks/*";
// More than these are read as one list.
constexpr size_t kSingles = 20;
// Ages go on without news.
constexpr absl::Duration kRedraw = absl::Seconds(1);
// What an event would have told of is seen by then, whatever went wrong.
constexpr absl::Duration kLookAgain = absl::Minutes(1);

// Shows stacks as they are now: a table that stays in place on a terminal, a line for each change
// elsewhere, a message for each in JSON.
class StackView {
 public:
  explicit StackView(Context& context)
      : context_(context),
        live_(context.environment().out_is_terminal && context.output().format() == Format::kTable),
        block_(context.environment().out, context.environment().height) {}

  absl::Status Set(const v1::Stack& stack) {
    v1::Stack& known = stacks_[stack.name()];
    const bool told = !known.name().empty() && known.etag() == stack.etag() &&
                      known.state() == stack.state() &&
                      known.state_detail().message() == stack.state_detail().message();
    known = stack;
    if (told) return absl::OkStatus();
    changed_ = true;
    return live_ ? absl::OkStatus() : WriteLine(stack);
  }
  absl::Status Gone(const std::string& name) {
    const auto found = stacks_.find(name);
    if (found == stacks_.end()) return absl::OkStatus();
    const bool told = found->second.state() == v1::Stack::DESTROYED;
    stacks_.erase(found);
    changed_ = true;
    if (!told && !live_ && context_.output().format() == Format::kTable) {
      context_.output().out() << TimeNow() << "  " << LastPart(name) << "  is gone" << std::endl;
    }
    return absl::OkStatus();
  }
  // Forgets those that are not named.
  absl::Status Keep(const std::set<std::string>& names) {
    std::vector<std::string> gone;
    for (const auto& [name, stack] : stacks_) {
      if (names.count(name) == 0) gone.push_back(name);
    }
    for (const std::string& name : gone) RETURN_IF_ERROR(Gone(name));
    return absl::OkStatus();
  }
  // Brings the screen up to date.
  void Draw(bool whole) {
    if (!live_) return;
    const absl::Time now = absl::Now();
    if (!changed_ && now - drawn_ < kRedraw) return;
    changed_ = false;
    drawn_ = now;
    const bool color = context_.output().color();
    if (whole && stacks_.size() == 1) {
      block_.Show(StackText(stacks_.begin()->second, context_.Now(), color));
      return;
    }
    Table table({"NAME", "STATE", "TEMPLATE", "DETAIL", "QUOTA", "LEASE ENDS"});
    for (const auto& [name, stack] : stacks_) {
      table.Add({LastPart(name), v1::Stack::State_Name(stack.state()),
                 absl::StrCat(LastPart(FirstParts(stack.template_version(), 2)), "@",
                              LastPart(stack.template_version())),
                 Cut(stack.state_detail().message(), 60), AmountsText(stack.amounts()),
                 Until(stack.lease().end_time(), context_.Now())});
    }
    block_.Show(stacks_.empty() ? "no stacks\n" : table.Text(color));
  }

 private:
  std::string TimeNow() const {
    return absl::FormatTime("%H:%M:%S", context_.Now(), absl::UTCTimeZone());
  }
  absl::Status WriteLine(const v1::Stack& stack) const {
    return context_.output().Write(stack, [&] {
      const std::string state = v1::Stack::State_Name(stack.state());
      context_.output().out() << TimeNow() << "  " << LastPart(stack.name()) << "  "
                              << Paint(state, StateColor(state), context_.output().color()) << "  "
                              << stack.state_detail().message() << std::endl;
    });
  }

  Context& context_;
  const bool live_;
  LiveBlock block_;
  std::map<std::string, v1::Stack> stacks_;
  bool changed_ = true;
  absl::Time drawn_ = absl::InfinitePast();
};

absl::Status WatchOne(Context& context, const std::string& name) {
  v1::WatchStackRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), FullName(kStack, context.project(), name));
  StackView view(context);
  v1::WatchStackResponse message;
  absl::Status written;
  const absl::Status status = FollowStream(
      context, "StackService/WatchStack", request, &message,
      [&] {
        request.set_resume_token(message.resume_token());
        written = view.Set(message.stack());
        view.Draw(true);
        return written.ok();
      },
      [&] { view.Draw(true); });
  return written.ok() ? status : written;
}

// The stacks of a project, kept up to date by its events: these say what to look at, and what is
// shown is always what a read has answered.
class ProjectWatch {
 public:
  ProjectWatch(Context& context, std::string project)
      : context_(context), project_(std::move(project)), view_(context) {}

  absl::Status Run() {
    v1::WatchProjectRequest request;
    request.set_parent(project_);
    v1::WatchProjectResponse message;
    const absl::Status status = FollowStream(
        context_, "EventService/WatchProject", request, &message,
        [&] {
          request.set_resume_token(message.resume_token());
          const std::string stack = FirstParts(message.event().resource(), 4);
          if (FullName(kStack, "", stack).ok()) touched_.insert(stack);
          return fault_.ok();
        },
        [&] {
          if (fault_.ok()) fault_ = Look();
          view_.Draw(false);
        });
    return fault_.ok() ? status : fault_;
  }

 private:
  absl::Status Look() {
    const absl::Time now = absl::Now();
    // The stream begins a moment after it was asked for: what happened in between is in the second
    // list.
    const absl::Duration since = now - listed_;
    if (looks_ == 0 || (looks_ == 1 && since > absl::Seconds(2)) || since > kLookAgain ||
        touched_.size() > kSingles) {
      return ListAll(now);
    }
    std::set<std::string> touched;
    touched.swap(touched_);
    for (const std::string& name : touched) {
      v1::GetStackRequest request;
      request.set_name(name);
      v1::Stack stack;
      const absl::Status status = context_.client().Call("StackService/GetStack", request, &stack);
      if (status.code() == absl::StatusCode::kNotFound || stack.state() == v1::Stack::DESTROYED) {
        if (status.ok()) RETURN_IF_ERROR(view_.Set(stack));
        RETURN_IF_ERROR(view_.Gone(name));
      } else if (status.ok()) {
        RETURN_IF_ERROR(view_.Set(stack));
      } else {
        // The stream finds out what is wrong; this one is looked at again.
        touched_.insert(name);
        break;
      }
    }
    return absl::OkStatus();
  }

  absl::Status ListAll(absl::Time now) {
    v1::ListStacksRequest request;
    request.set_parent(project_);
    v1::ListStacksResponse response;
    const absl::Status status =
        context_.client().List("StackService/ListStacks", request, &response);
    if (!status.ok()) {
      return status.code() == absl::StatusCode::kUnavailable ? absl::OkStatus() : status;
    }
    ++looks_;
    listed_ = now;
    touched_.clear();
    std::set<std::string> names;
    for (const v1::Stack& stack : response.stacks()) {
      names.insert(stack.name());
      RETURN_IF_ERROR(view_.Set(stack));
    }
    return view_.Keep(names);
  }

  Context& context_;
  const std::string project_;
  StackView view_;
  std::set<std::string> touched_;
  absl::Time listed_ = absl::InfinitePast();
  int looks_ = 0;
  absl::Status fault_;
};

absl::Status Watch(Context& context, const std::string& name) {
  if (!name.empty()) return WatchOne(context, name);
  ASSIGN_OR_RETURN(std::string project, ProjectName(context.project()));
  return ProjectWatch(context, std::move(project)).Run();
}

}  // namespace

void AddStackWatchCommand(Command stacks, Context& context) {
  const auto name = std::make_shared<std::string>();
  stacks.Sub("watch", "Show stacks as they change: one, or all of the project")
      .Argument("STACK", name.get(), "Only this one", false)
      .Run([&context, name] { return Watch(context, *name); });
}

}  // namespace stackyard::cli
