package main

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// ProviderConfig is one provider block. Who wants to know how many configurations of a provider
// there are counts them by source: modules without a block share the one of their caller.
type ProviderConfig struct {
	// Source is that of the provider, as in Provider.
	Source    string `json:"source"`
	LocalName string `json:"local_name"`
	// Alias is empty for the default configuration.
	Alias string `json:"alias,omitempty"`
	// Repeated is true when the block has for_each (OpenTofu): it stands for any number.
	Repeated bool `json:"repeated,omitempty"`
	// Module is the path of calls, "module.a.module.b"; absent for the root module.
	Module string `json:"module,omitempty"`
	Place
}

var providerConfigSpec = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "alias"}, {Name: "for_each"}}}

func (m *module) addProviderConfig(block *hcl.Block) hcl.Diagnostics {
	content, _, diags := block.Body.PartialContent(providerConfigSpec)
	config := ProviderConfig{LocalName: block.Labels[0], Module: m.at.path, Place: placeOf(block.DefRange)}
	diags = append(diags, literal(content.Attributes["alias"], cty.String, func(v cty.Value) { config.Alias = v.AsString() })...)
	config.Repeated = content.Attributes["for_each"] != nil
	m.configs = append(m.configs, config)
	return diags
}

// allProviderConfigs fills in the sources, which may be said after the blocks.
func (m *module) allProviderConfigs() []ProviderConfig {
	for i := range m.configs {
		m.configs[i].Source = m.providers[m.configs[i].LocalName].Source
	}
	return m.configs
}
