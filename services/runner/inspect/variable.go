package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

var variableSchema = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{
		{Name: "type"}, {Name: "default"}, {Name: "description"}, {Name: "sensitive"},
		{Name: "nullable"}, {Name: "ephemeral"}, {Name: "deprecated"},
	},
	Blocks: []hcl.BlockHeaderSchema{{Type: "validation"}},
}

// variableBlock holds the attributes of a variable before they are read. Override files replace
// them one by one.
type variableBlock struct {
	name  string
	place hcl.Range
	attrs hcl.Attributes
}

// variables collects the variables of one module in the order in which they are declared.
type variables struct {
	byName map[string]*variableBlock
	order  []*variableBlock
}

func (v *variables) add(block *hcl.Block, override bool) hcl.Diagnostics {
	content, diags := block.Body.Content(variableSchema)
	name := block.Labels[0]
	known := v.byName[name]
	if override && known != nil {
		for key, attr := range content.Attributes {
			known.attrs[key] = attr
		}
		return diags
	}
	if known != nil {
		return append(diags, errorAt(block.DefRange, "Duplicate variable",
			fmt.Sprintf("Variable %q was already declared at %s:%d.", name, known.place.Filename, known.place.Start.Line)))
	}
	declared := &variableBlock{name: name, place: block.DefRange, attrs: content.Attributes}
	if v.byName == nil {
		v.byName = map[string]*variableBlock{}
	}
	v.byName[name] = declared
	v.order = append(v.order, declared)
	return diags
}

// read turns the attributes into a Variable. Whatever is wrong is left at its zero value.
func (b *variableBlock) read(sources map[string]*hcl.File) (Variable, hcl.Diagnostics) {
	out := Variable{Name: b.name, Type: "any", Required: true, Nullable: true, Place: placeOf(b.place)}
	var diags hcl.Diagnostics

	typ := cty.DynamicPseudoType
	var defaults *typeexpr.Defaults
	if attr := b.attrs["type"]; attr != nil {
		var typeDiags hcl.Diagnostics
		typ, defaults, typeDiags = readType(attr.Expr)
		diags = append(diags, typeDiags...)
		if !typeDiags.HasErrors() {
			out.Type = typeText(attr.Expr, sources)
		}
	}
	encoded, err := ctyjson.MarshalType(typ)
	if err != nil {
		encoded = json.RawMessage(`"dynamic"`)
	}
	out.TypeJSON = encoded

	diags = append(diags, literal(b.attrs["description"], cty.String, func(v cty.Value) { out.Description = strings.TrimSpace(v.AsString()) })...)
	diags = append(diags, literal(b.attrs["sensitive"], cty.Bool, func(v cty.Value) { out.Sensitive = v.True() })...)
	diags = append(diags, literal(b.attrs["nullable"], cty.Bool, func(v cty.Value) { out.Nullable = v.True() })...)
	diags = append(diags, literal(b.attrs["ephemeral"], cty.Bool, func(v cty.Value) { out.Ephemeral = v.True() })...)

	if attr := b.attrs["default"]; attr != nil {
		out.Required = false
		value, defaultDiags := readDefault(attr, typ, defaults, out.Nullable)
		diags = append(diags, defaultDiags...)
		if !out.Sensitive && !defaultDiags.HasErrors() {
			out.Default = value
		}
	}
	return out, diags
}

// readType also knows the two keywords that Terraform allows beyond typeexpr.
func readType(expr hcl.Expression) (cty.Type, *typeexpr.Defaults, hcl.Diagnostics) {
	switch hcl.ExprAsKeyword(expr) {
	case "list":
		return cty.List(cty.DynamicPseudoType), nil, nil
	case "map":
		return cty.Map(cty.DynamicPseudoType), nil, nil
	}
	typ, defaults, diags := typeexpr.TypeConstraintWithDefaults(expr)
	if diags.HasErrors() {
		return cty.DynamicPseudoType, nil, diags
	}
	return typ, defaults, diags
}

func readDefault(attr *hcl.Attribute, typ cty.Type, defaults *typeexpr.Defaults, nullable bool) (json.RawMessage, hcl.Diagnostics) {
	value, diags := attr.Expr.Value(nil)
	if diags.HasErrors() {
		return nil, diags
	}
	if value.IsNull() && !nullable {
		return nil, append(diags, errorAt(attr.Expr.Range(), "Invalid default value", "The default is null, which nullable = false rules out."))
	}
	if defaults != nil && !value.IsNull() {
		value = defaults.Apply(value)
	}
	value, err := convert.Convert(value, typ)
	if err != nil {
		return nil, append(diags, errorAt(attr.Expr.Range(), "Invalid default value", fmt.Sprintf("The default does not fit the type: %v.", err)))
	}
	encoded, err := ctyjson.Marshal(value, value.Type())
	if err != nil {
		return nil, append(diags, errorAt(attr.Expr.Range(), "Invalid default value", fmt.Sprintf("The default has no JSON form: %v.", err)))
	}
	return encoded, diags
}

// literal hands the attribute's value to set if it is a constant of the type. A missing attribute
// and null leave things as they are.
func literal(attr *hcl.Attribute, typ cty.Type, set func(cty.Value)) hcl.Diagnostics {
	if attr == nil {
		return nil
	}
	value, diags := attr.Expr.Value(nil)
	if diags.HasErrors() {
		return diags
	}
	value, err := convert.Convert(value, typ)
	if err != nil || !value.IsKnown() {
		return append(diags, errorAt(attr.Expr.Range(), "Unsuitable value",
			fmt.Sprintf("The argument %q must be a constant of type %s.", attr.Name, typ.FriendlyName())))
	}
	if !value.IsNull() {
		set(value)
	}
	return diags
}

func errorAt(where hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &where}
}
