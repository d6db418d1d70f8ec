// What somebody who mistyped a word may have meant.
#pragma once

#include <string>
#include <vector>

namespace stackyard::cli {

// The known word that is nearest to `word`; empty when none is near. Case, `-` and `_` do not
// count.
std::string Nearest(const std::string& word, const std::vector<std::string>& known);

// `; did you mean "known"?`, or nothing.
std::string DidYouMean(const std::string& word, const std::vector<std::string>& known);

}  // namespace stackyard::cli
