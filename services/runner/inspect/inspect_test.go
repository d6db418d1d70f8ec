package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

var update = flag.Bool("update", false, "write the reports of testdata anew")

// Every directory of testdata is a module; the .json file beside it is its report.
func TestReports(t *testing.T) {
	entries, err := os.ReadDir("testdata")
	if err != nil || len(entries) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		t.Run(entry.Name(), func(t *testing.T) {
			dir := filepath.Join("testdata", entry.Name())
			report, err := Inspect(dir)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(report, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			golden := dir + ".json"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("report differs from %s; got\n%s", golden, got)
			}
		})
	}
}

// write makes a module of files in a fresh directory.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func inspect(t *testing.T, dir string) *Report {
	t.Helper()
	report, err := Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// errorsIn gives "file: detail" of all errors.
func errorsIn(report *Report) []string {
	var out []string
	for _, diag := range report.Diagnostics {
		if diag.Severity == "error" {
			out = append(out, diag.File+": "+diag.Detail)
		}
	}
	return out
}

const resource = `resource "terraform_data" "x" {}`

func TestLimits(t *testing.T) {
	padded := resource + strings.Repeat("\n", maxFileBytes-len(resource))
	many := map[string]string{}
	for i := range maxFiles + 1 {
		many[fmt.Sprintf("f%04d.tf", i)] = ""
	}
	// Each module calls the next one twice, so the calls double with every level.
	doubling := map[string]string{"main.tf": ""}
	for i := range 12 {
		name := "main.tf"
		if i > 0 {
			name = fmt.Sprintf("m%d/main.tf", i)
		}
		prefix := "../"
		if i == 0 {
			prefix = "./"
		}
		doubling[name] = fmt.Sprintf("module \"a\" {\n  source = \"%[1]sm%[2]d\"\n}\nmodule \"b\" {\n  source = \"%[1]sm%[2]d\"\n}\n", prefix, i+1)
	}
	doubling["m12/main.tf"] = resource

	tests := []struct {
		name      string
		files     map[string]string
		resources int // -1: not checked
		want      string
	}{
		{"largest file", map[string]string{"main.tf": padded}, 1, ""},
		{"file too large", map[string]string{"main.tf": padded + "\n", "b.tf": resource}, 1, "main.tf: it is larger than 1 MiB"},
		{"too many files", many, 0, "f2000.tf: At most 2000 configuration files are read."},
		{"nested brackets", map[string]string{"main.tf": "locals {\n  x = " + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + "\n}\n"}, 0, "main.tf: At most 500 brackets or signs may be open at once."},
		{"nested signs", map[string]string{"main.tf": "locals {\n  x = " + strings.Repeat("! ", 100000) + "true\n}\n"}, 0, "main.tf: At most 500 brackets or signs may be open at once."},
		{"nested JSON", map[string]string{"main.tf.json": strings.Repeat(`{"a":`, 100000)}, 0, "main.tf.json: At most 500 brackets or signs may be open at once."},
		{"doubling calls", doubling, -1, "At most 256 module calls are followed."},
		{"nothing to read", map[string]string{"README.md": "x"}, 0, ".: The module's directory has no .tf or .tf.json file."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			report := inspect(t, write(t, test.files))
			if test.resources >= 0 && len(report.Resources) != test.resources {
				t.Errorf("%d resources, want %d", len(report.Resources), test.resources)
			}
			faults := errorsIn(report)
			if test.want == "" {
				if len(faults) != 0 {
					t.Errorf("unexpected errors %q", faults)
				}
			} else if !slices.ContainsFunc(faults, func(fault string) bool { return strings.HasSuffix(fault, test.want) }) {
				t.Errorf("errors %q lack %q", faults, test.want)
			}
		})
	}
}

func TestDeepModules(t *testing.T) {
	files := map[string]string{}
	dir := ""
	for range maxModuleDepth + 2 {
		files[dir+"main.tf"] = "module \"m\" {\n  source = \"./m\"\n}\n"
		dir += "m/"
	}
	files[dir+"main.tf"] = resource
	report := inspect(t, write(t, files))
	if faults := errorsIn(report); len(faults) != 1 || !strings.HasSuffix(faults[0], "Modules may be nested 16 deep.") {
		t.Errorf("errors %q", faults)
	}
	if len(report.Resources) != 0 {
		t.Errorf("the module below the limit was read")
	}
}

func TestLinks(t *testing.T) {
	outside := write(t, map[string]string{"secret.tf": resource})
	dir := write(t, map[string]string{
		"main.tf":        "module \"m\" {\n  source = \"./away\"\n}\nmodule \"n\" {\n  source = \"./near\"\n}\n",
		"real/inside.tf": resource,
	})
	for link, target := range map[string]string{
		"absolute.tf": filepath.Join(outside, "secret.tf"),
		"relative.tf": "../" + filepath.Base(outside) + "/secret.tf",
		"dangling.tf": "nowhere.tf",
		"inside.tf":   "real/inside.tf",
		"away":        outside,
		"near":        "real",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	report := inspect(t, dir)
	want := []string{
		"absolute.tf: it is a link that leads out of the module's directory",
		"dangling.tf: no such file or directory",
		`main.tf: The source "./away" cannot be read: it is a link that leads out of the module's directory.`,
		"relative.tf: it is a link that leads out of the module's directory",
	}
	if got := errorsIn(report); !slices.Equal(got, want) {
		t.Errorf("errors\n%q, want\n%q", got, want)
	}
	var files []string
	for _, r := range report.Resources {
		files = append(files, r.File)
	}
	if want := []string{"inside.tf", "near/inside.tf"}; !slices.Equal(files, want) {
		t.Errorf("resources in %q, want %q", files, want)
	}
}

func TestSpecialFiles(t *testing.T) {
	dir := write(t, map[string]string{"main.tf": resource, "folder.tf/x": ""})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.tf"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := errorsIn(inspect(t, dir))
	want := []string{"folder.tf: it is not a regular file", "pipe.tf: it is not a regular file"}
	if !slices.Equal(got, want) {
		t.Errorf("errors %q, want %q", got, want)
	}
}

func TestLeftovers(t *testing.T) {
	report := inspect(t, write(t, map[string]string{
		"main.tf": resource, ".terraform/modules/modules.json": "{}", "terraform.tfstate": "{}",
	}))
	var files []string
	for _, diag := range report.Diagnostics {
		if diag.Severity == "warning" {
			files = append(files, diag.File)
		}
	}
	if want := []string{".terraform", "terraform.tfstate"}; !slices.Equal(files, want) {
		t.Errorf("warnings for %q, want %q", files, want)
	}
}

// The same module gives the same bytes, and a secret is in none of them.
func TestRun(t *testing.T) {
	var first, second, stderr bytes.Buffer
	if code := run([]string{"testdata/types"}, &first, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	run([]string{"testdata/types"}, &second, &stderr)
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two runs differ")
	}
	if !json.Valid(first.Bytes()) || bytes.Count(first.Bytes(), []byte("\n")) != 1 {
		t.Error("not one line of JSON")
	}
	if bytes.Contains(first.Bytes(), []byte("hunter2")) {
		t.Error("the default of a sensitive variable is in the report")
	}

	file := filepath.Join(write(t, map[string]string{"main.tf": ""}), "main.tf")
	for name, args := range map[string][]string{
		"no directory": {}, "two directories": {"a", "b"}, "option": {"--help"}, "empty": {""},
		"missing": {"testdata/missing"}, "file": {file},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(args, &stdout, &stderr); code != 2 || stdout.Len() != 0 || stderr.Len() == 0 {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", name, code, stdout.String(), stderr.String())
		}
	}
}
