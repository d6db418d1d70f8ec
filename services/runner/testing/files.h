// Folders, bundles and recorded files for tests.
#pragma once

#include <map>
#include <string>

namespace stackyard::runner {

// A bundle of files by name: a plain tar.
std::string MakeBundle(const std::map<std::string, std::string>& files);

// A folder that goes with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A file of testdata/.
std::string TestData(const std::string& name);

}  // namespace stackyard::runner
