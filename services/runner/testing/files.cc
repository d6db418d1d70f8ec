#include "services/runner/testing/files.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "services/runner/file.h"

namespace stackyard::runner {

std::string MakeBundle(const std::map<std::string, std::string>& files) {
  std::string bundle(1 << 20, '\0');
  size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_set_format_ustar(writer);
  archive_write_open_memory(writer, bundle.data(), bundle.size(), &used);
  for (const auto& [name, content] : files) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    archive_write_header(writer, entry);
    archive_write_data(writer, content.data(), content.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  bundle.resize(used);
  return bundle;
}

TempFolder::TempFolder() {
  std::string pattern = testing::TempDir() + "runnerXXXXXX";
  const char* made = mkdtemp(pattern.data());
  EXPECT_NE(made, nullptr);
  path_ = pattern;
}

TempFolder::~TempFolder() { RemoveFolder(path_); }

std::string TestData(const std::string& name) {
  const auto content = ReadFile(std::string(STACKYARD_TESTDATA) + "/" + name);
  EXPECT_TRUE(content.ok()) << content.status();
  return content.value_or("");
}

}  // namespace stackyard::runner
