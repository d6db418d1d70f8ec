package main

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// typeText writes a type expression on one line, without comments and with single spaces, but
// otherwise as its author wrote it: attributes keep their order and optional() its default.
func typeText(expr hcl.Expression, sources map[string]*hcl.File) string {
	// In JSON syntax the type is a string that holds the expression.
	if value, diags := expr.Value(nil); !diags.HasErrors() && value.Type() == cty.String && value.IsKnown() && !value.IsNull() {
		return oneLine([]byte(value.AsString()))
	}
	file := sources[expr.Range().Filename]
	if file == nil || !expr.Range().CanSliceBytes(file.Bytes) {
		return "any"
	}
	return oneLine(expr.Range().SliceBytes(file.Bytes))
}

func oneLine(text []byte) string {
	tokens, _ := hclsyntax.LexExpression(text, "", hcl.InitialPos)
	var out strings.Builder
	last := hclsyntax.TokenNil
	pending := false // a line break that may stand for a comma
	for _, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenEOF:
			continue
		case hclsyntax.TokenNewline, hclsyntax.TokenComment:
			pending = true
			continue
		case hclsyntax.TokenComma:
			// A comma before the closing bracket says nothing.
			pending = true
			continue
		}
		if pending && !opens(last) && !closes(token.Type) && last != hclsyntax.TokenNil {
			out.WriteString(", ")
		}
		pending = false
		if spaced(token.Type) {
			out.WriteString(" " + string(token.Bytes) + " ")
		} else {
			out.Write(token.Bytes)
		}
		last = token.Type
	}
	return strings.TrimSpace(out.String())
}

func opens(t hclsyntax.TokenType) bool {
	return t == hclsyntax.TokenOBrace || t == hclsyntax.TokenOParen || t == hclsyntax.TokenOBrack
}

func closes(t hclsyntax.TokenType) bool {
	return t == hclsyntax.TokenCBrace || t == hclsyntax.TokenCParen || t == hclsyntax.TokenCBrack
}

func spaced(t hclsyntax.TokenType) bool {
	return t == hclsyntax.TokenEqual || t == hclsyntax.TokenColon
}
