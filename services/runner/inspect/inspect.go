package main

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

const (
	// Module calls that are followed, however often the same module is called.
	maxModuleCalls = 256
	// Modules within modules.
	maxModuleDepth = 16
)

// Inspect reads the module in dir and the local modules that it calls. What is wrong with the
// configuration is in the report; the error says that dir could not be read at all.
func Inspect(dir string) (*Report, error) {
	src, err := openSource(dir)
	if err != nil {
		return nil, err
	}
	defer src.close()

	w := &walker{src: src, report: newReport(), loaded: map[string][]configFile{}, seen: map[Diagnostic]bool{}}
	if err := w.visit(call{dir: "."}); err != nil {
		return nil, err
	}
	w.report.sort()
	return w.report, nil
}

// walker goes through the tree of module calls and fills in the report.
type walker struct {
	src    *source
	report *Report
	loaded map[string][]configFile // by directory
	seen   map[Diagnostic]bool
	calls  int
}

// call is one place in the tree of modules.
type call struct {
	dir     string   // relative to the root
	path    string   // "module.a.module.b", empty for the root module
	parents []string // directories of the modules above
}

func (c call) isRoot() bool { return c.path == "" }

func (w *walker) visit(at call) error {
	files, known := w.loaded[at.dir]
	if !known {
		loaded, diags, err := w.src.load(at.dir)
		if err != nil {
			return err
		}
		if len(loaded) == 0 && len(diags) == 0 {
			diags = []Diagnostic{fileError(at.dir, "No configuration files", "The module's directory has no .tf or .tf.json file.")}
		}
		w.tell(diags)
		w.loaded[at.dir] = loaded
		files = loaded
	}
	m := &module{at: at, providers: map[string]*Provider{}, walker: w}
	m.decode(files)
	m.finish()
	for _, child := range m.children {
		w.follow(at, child)
	}
	return nil
}

// follow visits a called module if its source is a local one.
func (w *walker) follow(at call, child moduleBlock) {
	if !isLocal(child.source) {
		return
	}
	refuse := func(format string, args ...any) {
		w.tellHCL(hcl.Diagnostics{errorAt(child.place, "Cannot read local module", fmt.Sprintf(format, args...))})
	}
	dir := path.Join(at.dir, child.source)
	next := call{
		dir:     dir,
		path:    strings.TrimPrefix(at.path+".module."+child.name, "."),
		parents: append(slices.Clone(at.parents), at.dir),
	}
	switch {
	case !filepath.IsLocal(dir):
		refuse("The source %q leads out of the directory.", child.source)
		return
	case slices.Contains(next.parents, dir):
		refuse("The source %q makes the module call itself.", child.source)
		return
	case len(next.parents) > maxModuleDepth:
		refuse("Modules may be nested %d deep.", maxModuleDepth)
		return
	}
	if w.calls++; w.calls > maxModuleCalls {
		refuse("At most %d module calls are followed.", maxModuleCalls)
		return
	}
	if err := w.visit(next); err != nil {
		refuse("The source %q cannot be read: %v.", child.source, plain(err))
	}
}

// tell adds diagnostics, each once: a module that is called twice is not reported twice.
func (w *walker) tell(diags []Diagnostic) {
	for _, diag := range diags {
		if !w.seen[diag] {
			w.seen[diag] = true
			w.report.Diagnostics = append(w.report.Diagnostics, diag)
		}
	}
}

func (w *walker) tellHCL(diags hcl.Diagnostics) { w.tell(fromHCL(diags)) }
