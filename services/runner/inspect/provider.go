package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

const (
	defaultHost      = "registry.terraform.io"
	defaultNamespace = "hashicorp"
	// The provider of terraform_data and terraform_remote_state is part of Terraform itself.
	builtinSource = "terraform.io/builtin/terraform"
)

var (
	providerHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?$`)
	providerPart = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$`)
	providerSpec = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "version"}}}
)

// providerUse is a block that needs the provider of a local name.
type providerUse struct {
	local string
	place hcl.Range
}

// qualify completes a provider source to hostname/namespace/type.
func qualify(source string) (string, error) {
	parts := strings.Split(strings.ToLower(source), "/")
	switch len(parts) {
	case 1:
		parts = append([]string{defaultHost, defaultNamespace}, parts...)
	case 2:
		parts = append([]string{defaultHost}, parts...)
	}
	if len(parts) != 3 || !providerHost.MatchString(parts[0]) || !providerPart.MatchString(parts[1]) || !providerPart.MatchString(parts[2]) {
		return "", fmt.Errorf("the source %q is not of the form [hostname/]namespace/type", source)
	}
	return strings.Join(parts, "/"), nil
}

// impliedSource is the provider of a local name that no required_providers block explains.
func impliedSource(local string) string {
	if local == "terraform" {
		return builtinSource
	}
	return defaultHost + "/" + defaultNamespace + "/" + strings.ToLower(local)
}

// impliedLocalName is the part of a resource type before its first underscore.
func impliedLocalName(resourceType string) string {
	local, _, _ := strings.Cut(resourceType, "_")
	return local
}

// rootName is the first name of a reference such as aws.west.
func rootName(expr hcl.Expression) string {
	if traversal, diags := hcl.AbsTraversalForExpr(expr); !diags.HasErrors() {
		return traversal.RootName()
	}
	if variables := expr.Variables(); len(variables) > 0 {
		return variables[0].RootName()
	}
	return ""
}

func (m *module) decodeRequiredProviders(block *hcl.Block) hcl.Diagnostics {
	attrs, diags := block.Body.JustAttributes()
	for _, local := range slices.Sorted(maps.Keys(attrs)) {
		diags = append(diags, m.decodeRequirement(local, attrs[local])...)
	}
	return diags
}

func (m *module) decodeRequirement(local string, attr *hcl.Attribute) hcl.Diagnostics {
	provider := m.provider(local, attr.Range)
	constrain := func(v cty.Value) { provider.constrain(v.AsString()) }
	pairs, notMap := hcl.ExprMap(attr.Expr)
	if notMap.HasErrors() {
		// The old form, with the version alone.
		return literal(attr, cty.String, constrain)
	}
	var diags hcl.Diagnostics
	for _, pair := range pairs {
		key, keyDiags := pair.Key.Value(nil)
		if keyDiags.HasErrors() || key.Type() != cty.String || key.IsNull() {
			diags = append(diags, errorAt(pair.Key.Range(), "Invalid provider requirement", "Keys must be plain names."))
			continue
		}
		value := &hcl.Attribute{Name: key.AsString(), Expr: pair.Value}
		switch value.Name {
		case "version":
			diags = append(diags, literal(value, cty.String, constrain)...)
		case "source":
			diags = append(diags, literal(value, cty.String, func(v cty.Value) {
				source, err := qualify(v.AsString())
				if err != nil {
					// As written: a guess might be a provider that the policy allows.
					source = v.AsString()
					diags = append(diags, errorAt(pair.Value.Range(), "Invalid provider source", "Here "+err.Error()+"."))
				}
				provider.Source = source
			})...)
		case "configuration_aliases":
		default:
			diags = append(diags, errorAt(pair.Key.Range(), "Invalid provider requirement",
				fmt.Sprintf("%q is none of source, version and configuration_aliases.", value.Name)))
		}
	}
	return diags
}

// decodeProvider reads no more of a provider block than its version and alias: the rest may need evaluation.
func (m *module) decodeProvider(block *hcl.Block) hcl.Diagnostics {
	content, _, diags := block.Body.PartialContent(providerSpec)
	provider := m.provider(block.Labels[0], block.DefRange)
	diags = append(diags, m.addProviderConfig(block)...)
	return append(diags, literal(content.Attributes["version"], cty.String, func(v cty.Value) { provider.constrain(v.AsString()) })...)
}

// provider returns the entry of a local name, made at its first use.
func (m *module) provider(local string, place hcl.Range) *Provider {
	known := m.providers[local]
	if known == nil {
		known = &Provider{Source: impliedSource(local), LocalName: local, Module: m.at.path, Place: placeOf(place)}
		m.providers[local] = known
	}
	return known
}

func (p *Provider) constrain(version string) {
	if p.Constraint != "" && version != "" {
		p.Constraint += ", "
	}
	p.Constraint += version
}

// allProviders adds those that only a resource implies, and sorts by local name.
func (m *module) allProviders() []Provider {
	for _, use := range m.used {
		m.provider(use.local, use.place)
	}
	out := make([]Provider, 0, len(m.providers))
	for _, local := range slices.Sorted(maps.Keys(m.providers)) {
		out = append(out, *m.providers[local])
	}
	return out
}
