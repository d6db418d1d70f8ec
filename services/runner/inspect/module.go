package main

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

var fileSchema = &hcl.BodySchema{
	Blocks: []hcl.BlockHeaderSchema{
		{Type: "terraform"},
		{Type: "locals"},
		{Type: "moved"},
		{Type: "import"},
		{Type: "removed"},
		{Type: "variable", LabelNames: []string{"name"}},
		{Type: "output", LabelNames: []string{"name"}},
		{Type: "provider", LabelNames: []string{"name"}},
		{Type: "module", LabelNames: []string{"name"}},
		{Type: "check", LabelNames: []string{"name"}},
		{Type: "resource", LabelNames: []string{"type", "name"}},
		{Type: "data", LabelNames: []string{"type", "name"}},
		{Type: "ephemeral", LabelNames: []string{"type", "name"}},
	},
}

var terraformSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{{Name: "required_version"}, {Name: "experiments"}, {Name: "language"}},
	Blocks: []hcl.BlockHeaderSchema{
		{Type: "required_providers"},
		{Type: "cloud"},
		{Type: "backend", LabelNames: []string{"type"}},
		{Type: "provider_meta", LabelNames: []string{"provider"}},
	},
}

var (
	outputSchema = &hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{
			{Name: "value"}, {Name: "description"}, {Name: "sensitive"}, {Name: "ephemeral"},
			{Name: "depends_on"}, {Name: "deprecated"},
		},
		Blocks: []hcl.BlockHeaderSchema{{Type: "precondition"}, {Type: "postcondition"}},
	}
	moduleSchema   = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "source", Required: true}, {Name: "version"}}}
	resourceSchema = &hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "provider"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "provisioner", LabelNames: []string{"type"}}},
	}
	removedSchema = &hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "from", Required: true}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "provisioner", LabelNames: []string{"type"}}},
	}
	checkSchema = &hcl.BodySchema{
		Blocks: []hcl.BlockHeaderSchema{{Type: "data", LabelNames: []string{"type", "name"}}},
	}
)

// module decodes one module at one place in the tree. Blocks in override files are reported like
// all others: who checks the report against a policy must see both sides of an override.
type module struct {
	at        call
	walker    *walker
	variables variables
	outputs   []Output
	providers map[string]*Provider // by local name
	configs   []ProviderConfig
	used      []providerUse
	children  []moduleBlock
}

// moduleBlock is a module call that may be followed.
type moduleBlock struct {
	name   string
	source string
	place  hcl.Range
}

func (m *module) decode(files []configFile) {
	for _, file := range files {
		content, diags := file.body.Content(fileSchema)
		for _, block := range content.Blocks {
			diags = append(diags, m.decodeBlock(block, file.override)...)
		}
		m.walker.tellHCL(append(diags, m.fileCalls(file.body)...))
	}
}

func (m *module) decodeBlock(block *hcl.Block, override bool) hcl.Diagnostics {
	switch block.Type {
	case "terraform":
		return m.decodeTerraform(block)
	case "variable":
		return m.variables.add(block, override)
	case "output":
		return m.decodeOutput(block, override)
	case "provider":
		return m.decodeProvider(block)
	case "module":
		return m.decodeModule(block)
	case "resource":
		return m.decodeResource("managed", block)
	case "data", "ephemeral":
		return m.decodeResource(block.Type, block)
	case "removed":
		return m.decodeRemoved(block)
	case "check":
		content, _, diags := block.Body.PartialContent(checkSchema)
		for _, data := range content.Blocks {
			diags = append(diags, m.decodeResource("data", data)...)
		}
		return diags
	}
	return nil
}

func (m *module) decodeTerraform(block *hcl.Block) hcl.Diagnostics {
	content, diags := block.Body.Content(terraformSchema)
	diags = append(diags, literal(content.Attributes["required_version"], cty.String, func(v cty.Value) {
		if known := m.walker.report.RequiredVersion; !slices.Contains(known, v.AsString()) {
			m.walker.report.RequiredVersion = append(known, v.AsString())
		}
	})...)
	for _, inner := range content.Blocks {
		switch inner.Type {
		case "required_providers":
			diags = append(diags, m.decodeRequiredProviders(inner)...)
		case "backend":
			m.setBackend(inner.Labels[0])
		case "cloud":
			m.setBackend("cloud")
		}
	}
	return diags
}

// setBackend ignores called modules, as Terraform does.
func (m *module) setBackend(kind string) {
	if m.at.isRoot() {
		m.walker.report.Backend = kind
	}
}

func (m *module) decodeOutput(block *hcl.Block, override bool) hcl.Diagnostics {
	content, diags := block.Body.Content(outputSchema)
	out := &Output{Name: block.Labels[0], Place: placeOf(block.DefRange)}
	isNew := true
	for i := range m.outputs {
		if m.outputs[i].Name != out.Name {
			continue
		}
		if !override {
			return append(diags, errorAt(block.DefRange, "Duplicate output", "Output \""+out.Name+"\" was already declared."))
		}
		out, isNew = &m.outputs[i], false
	}
	diags = append(diags, literal(content.Attributes["description"], cty.String, func(v cty.Value) { out.Description = strings.TrimSpace(v.AsString()) })...)
	diags = append(diags, literal(content.Attributes["sensitive"], cty.Bool, func(v cty.Value) { out.Sensitive = v.True() })...)
	if isNew {
		m.outputs = append(m.outputs, *out)
	}
	return diags
}

func (m *module) decodeModule(block *hcl.Block) hcl.Diagnostics {
	content, _, diags := block.Body.PartialContent(moduleSchema)
	out := ModuleCall{Name: block.Labels[0], Module: m.at.path, Place: placeOf(block.DefRange)}
	diags = append(diags, literal(content.Attributes["source"], cty.String, func(v cty.Value) { out.Source = v.AsString() })...)
	diags = append(diags, literal(content.Attributes["version"], cty.String, func(v cty.Value) { out.Version = v.AsString() })...)
	m.walker.report.Modules = append(m.walker.report.Modules, out)
	m.children = append(m.children, moduleBlock{out.Name, out.Source, block.DefRange})
	return diags
}

func (m *module) decodeResource(mode string, block *hcl.Block) hcl.Diagnostics {
	content, _, diags := block.Body.PartialContent(resourceSchema)
	typ, name := block.Labels[0], block.Labels[1]
	m.walker.report.Resources = append(m.walker.report.Resources,
		Resource{Mode: mode, Type: typ, Name: name, Module: m.at.path, Place: placeOf(block.DefRange)})
	m.addProvisioners(content.Blocks, typ+"."+name)
	local := impliedLocalName(typ)
	if attr := content.Attributes["provider"]; attr != nil {
		if named := rootName(attr.Expr); named != "" {
			local = named
		}
	}
	m.used = append(m.used, providerUse{local, block.DefRange})
	return diags
}

// decodeRemoved looks for provisioners: a removed block may run some when it destroys.
func (m *module) decodeRemoved(block *hcl.Block) hcl.Diagnostics {
	content, _, diags := block.Body.PartialContent(removedSchema)
	from := ""
	if attr := content.Attributes["from"]; attr != nil {
		from = typeText(attr.Expr, m.walker.src.parser.Files())
	}
	m.addProvisioners(content.Blocks, from)
	return diags
}

func (m *module) addProvisioners(blocks hcl.Blocks, address string) {
	if !m.at.isRoot() {
		address = m.at.path + "." + address
	}
	for _, block := range blocks.OfType("provisioner") {
		m.walker.report.Provisioners = append(m.walker.report.Provisioners, Provisioner{
			Type: block.Labels[0], Address: address, Module: m.at.path, Place: placeOf(block.DefRange),
		})
	}
}

// finish reports what is known only when all files have been read.
func (m *module) finish() {
	report := m.walker.report
	if m.at.isRoot() {
		for _, block := range m.variables.order {
			variable, diags := block.read(m.walker.src.parser.Files())
			m.walker.tellHCL(diags)
			report.Variables = append(report.Variables, variable)
		}
		report.Outputs = append(report.Outputs, m.outputs...)
	}
	report.Providers = append(report.Providers, m.allProviders()...)
	report.ProviderConfigs = append(report.ProviderConfigs, m.allProviderConfigs()...)
}
