package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
)

const (
	// A file larger than this is not read.
	maxFileBytes = 1 << 20
	// Files of one module, and of all modules together.
	maxFiles = 2000
	// Brackets open at once. HCL's parser is recursive.
	maxNesting = 500
)

// source reads configuration files below one directory and never leaves it, not even by a
// symbolic link.
type source struct {
	root   *os.Root
	parser *hclparse.Parser
	files  int
}

// configFile is one parsed file.
type configFile struct {
	name     string // relative to the root
	body     hcl.Body
	override bool // merged over the others, in Terraform's terms
}

func openSource(dir string) (*source, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &source{root: root, parser: hclparse.NewParser()}, nil
}

func (s *source) close() { s.root.Close() }

// list returns the names in dir, sorted.
func (s *source) list(dir string) ([]string, error) {
	entries, err := fs.ReadDir(s.root.FS(), dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, nil
}

// load parses the configuration files of dir, first the ordinary ones, then the overrides, each by
// name. Faults of single files become diagnostics; the error says that dir cannot be read.
func (s *source) load(dir string) ([]configFile, []Diagnostic, error) {
	names, err := s.list(dir)
	if err != nil {
		return nil, nil, err
	}
	var primary, overrides []configFile
	var diags []Diagnostic
	for _, name := range names {
		full := path.Join(dir, name)
		if diag := checkName(full, name); diag != nil {
			diags = append(diags, *diag)
		}
		if !isConfig(name) {
			continue
		}
		if s.files++; s.files > maxFiles {
			diags = append(diags, fileError(full, "Too many files", fmt.Sprintf("At most %d configuration files are read.", maxFiles)))
			break
		}
		content, err := s.read(full)
		if err != nil {
			diags = append(diags, fileError(full, "Cannot read file", err.Error()))
			continue
		}
		file, fileDiags := s.parse(full, content)
		diags = append(diags, fromHCL(fileDiags)...)
		if file == nil {
			continue
		}
		if isOverride(name) {
			overrides = append(overrides, configFile{full, file.Body, true})
		} else {
			primary = append(primary, configFile{full, file.Body, false})
		}
	}
	return append(primary, overrides...), diags, nil
}

func (s *source) parse(name string, content []byte) (*hcl.File, hcl.Diagnostics) {
	if nesting(content) > maxNesting {
		return nil, hcl.Diagnostics{{
			Severity: hcl.DiagError,
			Summary:  "Nested too deeply",
			Detail:   fmt.Sprintf("At most %d brackets or signs may be open at once.", maxNesting),
			Subject:  &hcl.Range{Filename: name},
		}}
	}
	if strings.HasSuffix(name, ".json") {
		return s.parser.ParseJSON(content, name)
	}
	return s.parser.ParseHCL(content, name)
}

// read returns the content of a regular file within the size limit.
func (s *source) read(name string) ([]byte, error) {
	// Non-blocking, so that a named pipe cannot hold the program up before it is looked at.
	file, err := s.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, plain(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, plain(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err != nil {
		return nil, plain(err)
	}
	if len(content) > maxFileBytes {
		return nil, errors.New("it is larger than 1 MiB")
	}
	return content, nil
}

// plain strips the path and the system call: the diagnostic already names the file.
func plain(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	if strings.Contains(err.Error(), "escapes") {
		return errors.New("it is a link that leads out of the module's directory")
	}
	return err
}

// isConfig says whether Terraform loads a file of this name.
func isConfig(name string) bool {
	if isIgnored(name) {
		return false
	}
	return strings.HasSuffix(name, ".tf") || strings.HasSuffix(name, ".tf.json")
}

// isIgnored knows hidden files and those that editors leave.
func isIgnored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") ||
		(strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#"))
}

func isOverride(name string) bool {
	base := strings.TrimSuffix(strings.TrimSuffix(name, ".json"), ".tf")
	return base == "override" || strings.HasSuffix(base, "_override")
}

// checkName reports files that one of Terraform and OpenTofu would load and this program does not
// read, or that change what the module does without being part of it.
func checkName(full, name string) *Diagnostic {
	var diag Diagnostic
	switch {
	case name == ".terraform", strings.HasSuffix(name, ".tfstate"):
		diag = fileError(full, "Left over from Terraform", "It would be taken for Stackyard's own. Leave it out of the template.")
		diag.Severity = "warning"
	case isIgnored(name):
		return nil
	case strings.HasSuffix(name, ".tofu"), strings.HasSuffix(name, ".tofu.json"):
		diag = fileError(full, "OpenTofu-only file", "OpenTofu would load it and Terraform would not. Give it a name that ends in .tf or .tf.json.")
	case name == "terraform.tfvars", name == "terraform.tfvars.json",
		strings.HasSuffix(name, ".auto.tfvars"), strings.HasSuffix(name, ".auto.tfvars.json"):
		diag = fileError(full, "Values in the module", "Terraform loads this file by itself, so defaults are not what the variables say. Put the values into the variables' defaults.")
		diag.Severity = "warning"
	default:
		return nil
	}
	return &diag
}

// nesting returns how many brackets are open at once at most, or the longest run of the signs that
// the parser nests without brackets. Those in strings count as well: this guards the parser and
// needs not be exact.
func nesting(content []byte) int {
	depth, signs, deepest := 0, 0, 0
	for _, c := range content {
		switch c {
		case '!', '-':
			signs++
		case ' ', '\t', '\r', '\n':
		default:
			signs = 0
		}
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth = max(depth-1, 0)
		}
		deepest = max(deepest, depth, signs)
	}
	return deepest
}

func fileError(file, summary, detail string) Diagnostic {
	return Diagnostic{Severity: "error", Summary: summary, Detail: detail, Place: Place{File: file}}
}

func fromHCL(diags hcl.Diagnostics) []Diagnostic {
	out := make([]Diagnostic, 0, len(diags))
	for _, diag := range diags {
		severity := "error"
		if diag.Severity == hcl.DiagWarning {
			severity = "warning"
		}
		var where Place
		if diag.Subject != nil {
			where = placeOf(*diag.Subject)
		}
		out = append(out, Diagnostic{Severity: severity, Summary: diag.Summary, Detail: diag.Detail, Place: where})
	}
	return out
}

func placeOf(r hcl.Range) Place { return Place{File: r.Filename, Line: r.Start.Line} }
