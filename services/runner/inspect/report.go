package main

import (
	"encoding/json"
	"sort"
)

// Report is what one run of the program prints: a Terraform module and all local modules below it.
// Every list is present even when it is empty. Lists are sorted by file, then line.
type Report struct {
	// Variables of the root module.
	Variables []Variable `json:"variables"`
	// Outputs of the root module.
	Outputs []Output `json:"outputs"`
	// Providers of all modules, named or implied by a resource type.
	Providers []Provider `json:"providers"`
	// ProviderConfigs lists the provider blocks of all modules.
	ProviderConfigs []ProviderConfig `json:"provider_configs"`
	// Modules that are called, at any depth. Local ones have been read as well.
	Modules []ModuleCall `json:"modules"`
	// Resources of all modules.
	Resources []Resource `json:"resources"`
	// Provisioners of all modules.
	Provisioners []Provisioner `json:"provisioners"`
	// Backend is the kind of the root module's backend, "cloud" for a cloud block, else empty.
	Backend string `json:"backend"`
	// RequiredVersion lists the version constraints of all modules.
	RequiredVersion []string `json:"required_version"`
	// Diagnostics says what is wrong. A module with errors may be reported in part only.
	Diagnostics []Diagnostic `json:"diagnostics"`
}

// Place says where something is declared.
type Place struct {
	// File relative to the directory that was inspected, with forward slashes.
	File string `json:"file"`
	// Line from 1, or 0 when the whole file or module is meant.
	Line int `json:"line"`
}

// Variable is one input of the root module.
type Variable struct {
	Name string `json:"name"`
	// Type is the type expression on one line, "any" when there is none.
	Type string `json:"type"`
	// TypeJSON is the same type in cty's JSON notation.
	TypeJSON json.RawMessage `json:"type_json"`
	// Default, converted to the type. Absent when there is none, and when it is a secret:
	// Required tells the two apart.
	Default json.RawMessage `json:"default,omitempty"`
	// Required is true when there is no default.
	Required    bool   `json:"required"`
	Description string `json:"description"`
	Sensitive   bool   `json:"sensitive"`
	Nullable    bool   `json:"nullable"`
	Ephemeral   bool   `json:"ephemeral"`
	Place
}

// Output is one output of the root module.
type Output struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Sensitive   bool   `json:"sensitive"`
	Place
}

// Provider is one provider as one module knows it.
type Provider struct {
	// Source is fully qualified, hostname/namespace/type, or as written when it is invalid.
	Source string `json:"source"`
	// Constraint holds all version constraints, joined by ", "; empty when there is none.
	Constraint string `json:"constraint"`
	LocalName  string `json:"local_name"`
	// Module is the path of calls, "module.a.module.b"; absent for the root module.
	Module string `json:"module,omitempty"`
	Place
}

// ModuleCall is one module block.
type ModuleCall struct {
	Name string `json:"name"`
	// Source as written; empty when it is not a literal string, which is an error.
	Source  string `json:"source"`
	Version string `json:"version"`
	// Module is the path of the module that calls.
	Module string `json:"module,omitempty"`
	Place
}

// Resource is one resource, data or ephemeral block.
type Resource struct {
	// Mode is "managed", "data" or "ephemeral".
	Mode   string `json:"mode"`
	Type   string `json:"type"`
	Name   string `json:"name"`
	Module string `json:"module,omitempty"`
	Place
}

// Provisioner is one provisioner block.
type Provisioner struct {
	Type string `json:"type"`
	// Address of the resource with its module path. For a removed block, what it removes.
	Address string `json:"address"`
	Module  string `json:"module,omitempty"`
	Place
}

// Diagnostic is one fault.
type Diagnostic struct {
	// Severity is "error" or "warning".
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	Place
}

func newReport() *Report {
	return &Report{
		Variables:       []Variable{},
		Outputs:         []Output{},
		Providers:       []Provider{},
		ProviderConfigs: []ProviderConfig{},
		Modules:         []ModuleCall{},
		Resources:       []Resource{},
		Provisioners:    []Provisioner{},
		RequiredVersion: []string{},
		Diagnostics:     []Diagnostic{},
	}
}

func (p Place) place() Place { return p }

func (p Place) before(other Place) bool {
	if p.File != other.File {
		return p.File < other.File
	}
	return p.Line < other.Line
}

func sortByPlace[T interface{ place() Place }](list []T) {
	sort.SliceStable(list, func(i, j int) bool { return list[i].place().before(list[j].place()) })
}

// sort puts all lists in the order that Report promises, so that the same module always gives
// the same bytes.
func (r *Report) sort() {
	sortByPlace(r.Variables)
	sortByPlace(r.Outputs)
	sortByPlace(r.Providers)
	sortByPlace(r.ProviderConfigs)
	sortByPlace(r.Modules)
	sortByPlace(r.Resources)
	sortByPlace(r.Provisioners)
	sortByPlace(r.Diagnostics)
}
