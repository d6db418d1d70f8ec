// What stacks are looked up by: a narrow row and some terms for each, kept in the transaction that
// writes the stack. It is made from the stack's row alone and can be made anew from it at any time.
//
// Whoever writes stacks without knowing the index (an older replica, a person) is noticed by the
// triggers of the schema, and the stack's uid is put into `stack_unindexed`. Stacks from before
// there was an index are behind the cursor in `stack_index_progress`. While either has something
// left, the index is not asked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "stackyard/internal/v1/records.pb.h"

namespace stackyard::stacks {

// Terms, each a mark and a value.
std::string StateTerm(int state);
std::string CreatorTerm(std::string_view creator);
// `templates/{template}/versions/{version}`.
std::string VersionTerm(std::string_view version);
std::string TemplateTerm(std::string_view template_id);
std::string LabelTerm(std::string_view key, std::string_view value);
std::string LabelKeyTerm(std::string_view key);

// All terms of a stack, sorted, each once.
std::vector<std::string> TermsOf(const v1::Stack& stack);

// `{template}` of `templates/{template}/versions/{version}`; empty when there is none.
std::string TemplateOf(std::string_view version);

// Writes what a stack is looked up by. The row in `stacks` is locked, or new.
absl::Status IndexStack(Change& change, const internal::v1::StackRecord& record);

// Whether every stack that this snapshot holds is looked up by what it is now.
bool IsIndexed(soci::session& sql);

// Whether stacks wait that were written without the index.
bool HasUnindexed(soci::session& sql);

// Catches up with stacks that are not indexed, some hundreds of them in a transaction of its own.
// Answers whether there is nothing left.
absl::StatusOr<bool> IndexMore(Store& store);

}  // namespace stackyard::stacks
