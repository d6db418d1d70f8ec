#include "common/xml.h"

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace stackyard {
namespace {

using boost::property_tree::ptree;

constexpr int kMostDepth = 32;

XmlElement ToElement(const std::string& name, const ptree& tree, int depth) {
  XmlElement element;
  element.name = name.substr(name.find(':') + 1);
  element.text = tree.data();
  if (depth == kMostDepth) return element;
  for (const auto& [child, inner] : tree) {
    // Attributes and comments have names of their own kind.
    if (child.starts_with('<')) continue;
    element.children.push_back(ToElement(child, inner, depth + 1));
  }
  return element;
}

}  // namespace

const XmlElement& XmlElement::operator[](std::string_view child) const {
  static const XmlElement& none = *new XmlElement();
  for (const XmlElement& element : children) {
    if (element.name == child) return element;
  }
  return none;
}

absl::StatusOr<XmlElement> ParseXml(const std::string& text) {
  std::istringstream stream(text);
  ptree tree;
  try {
    boost::property_tree::read_xml(stream, tree,
                                   boost::property_tree::xml_parser::trim_whitespace |
                                       boost::property_tree::xml_parser::no_comments);
  } catch (const boost::property_tree::xml_parser_error& error) {
    return absl::InvalidArgumentError(absl::StrCat("no XML: ", error.message()));
  }
  if (tree.empty()) return absl::InvalidArgumentError("no XML: it is empty");
  return ToElement(tree.front().first, tree.front().second, 0);
}

}  // namespace stackyard
