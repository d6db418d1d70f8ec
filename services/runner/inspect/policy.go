package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Policy says what modules of a catalogue may contain. As JSON it is what protobuf makes of
// stackyard.internal.v1.CatalogPolicy, with the names of the proto.
type Policy struct {
	// Providers are patterns of provider sources, host/namespace/type, in which a part may be `*`.
	// Empty: all.
	Providers []string `json:"providers"`
	// ModuleSources are patterns of sources of modules from outside, in which `*` stands for any
	// text. Empty: none.
	ModuleSources []string `json:"module_sources"`
	// Provisioners are their types. Empty: none.
	Provisioners []string `json:"provisioners"`
	// DeniedDataSources are types of data sources.
	DeniedDataSources []string `json:"denied_data_sources"`
}

// readPolicy refuses what it does not know: a rule that nobody looks at protects nobody.
func readPolicy(file string) (*Policy, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	policy := new(Policy)
	if err := decoder.Decode(policy); err != nil {
		return nil, fmt.Errorf("the policy %s: %w", file, err)
	}
	return policy, nil
}

// hold adds an error for each thing in the report that the policy does not allow.
func (p *Policy) hold(report *Report) {
	refuse := func(place Place, detail string, args ...any) {
		diag := Diagnostic{Severity: "error", Summary: "Not allowed in this catalogue", Detail: fmt.Sprintf(detail, args...), Place: place}
		if !slices.Contains(report.Diagnostics, diag) {
			report.Diagnostics = append(report.Diagnostics, diag)
		}
	}
	for _, provider := range report.Providers {
		if !p.allowsProvider(provider.Source) {
			refuse(provider.Place, "The provider %s is none of %s.", provider.Source, strings.Join(p.Providers, ", "))
		}
	}
	for _, call := range report.Modules {
		if !isLocal(call.Source) && !matchesAny(p.ModuleSources, call.Source) {
			refuse(call.Place, "The module %q comes from %q; modules may come from %s.", call.Name, call.Source, orOnly(p.ModuleSources))
		}
	}
	for _, provisioner := range report.Provisioners {
		if !slices.Contains(p.Provisioners, provisioner.Type) {
			refuse(provisioner.Place, "%s has the provisioner %s; allowed are: %s.", provisioner.Address, provisioner.Type, orNone(p.Provisioners))
		}
	}
	for _, resource := range report.Resources {
		if resource.Mode != "managed" && slices.Contains(p.DeniedDataSources, resource.Type) {
			refuse(resource.Place, "%s.%s reads the data source %s.", resource.Type, resource.Name, resource.Type)
		}
	}
	report.sort()
}

func isLocal(source string) bool {
	return strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../")
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func orOnly(sources []string) string {
	return strings.Join(append([]string{"the template itself"}, sources...), ", ")
}

func (p *Policy) allowsProvider(source string) bool {
	// Part of Terraform itself.
	if len(p.Providers) == 0 || source == builtinSource {
		return true
	}
	parts := strings.Split(source, "/")
	return slices.ContainsFunc(p.Providers, func(pattern string) bool {
		wanted := strings.Split(pattern, "/")
		if len(wanted) != len(parts) {
			return false
		}
		for i := range wanted {
			if !matches(wanted[i], parts[i]) {
				return false
			}
		}
		return true
	})
}

func matchesAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, text) })
}

// matches says whether text is what the pattern says, in which `*` stands for any text.
func matches(pattern, text string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, first)
	if !ok {
		return false
	}
	for from := 0; from <= len(text); from++ {
		if matches(rest, text[from:]) {
			return true
		}
	}
	return false
}
