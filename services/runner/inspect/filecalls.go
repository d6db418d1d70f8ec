package main

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// fileFunctions read the file or folder that their first argument names.
var fileFunctions = []string{
	"file", "fileexists", "filebase64", "filebase64sha256", "filebase64sha512", "filemd5",
	"filesha1", "filesha256", "filesha512", "fileset", "templatefile",
}

// fileCalls warns of functions that read what is no part of the template: it is not there when the
// template runs. Only constants are looked at; the sandbox is what holds the rest off.
func (m *module) fileCalls(body hcl.Body) hcl.Diagnostics {
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		return nil
	}
	var diags hcl.Diagnostics
	// The visitor never fails.
	_ = hclsyntax.VisitAll(native, func(node hclsyntax.Node) hcl.Diagnostics {
		call, ok := node.(*hclsyntax.FunctionCallExpr)
		if !ok || len(call.Args) == 0 || !slices.Contains(fileFunctions, strings.TrimPrefix(call.Name, "core::")) {
			return nil
		}
		value, valueDiags := call.Args[0].Value(nil)
		if valueDiags.HasErrors() || value.IsNull() || !value.IsKnown() || value.Type() != cty.String {
			return nil
		}
		// Terraform runs in the folder of the root module.
		if name := value.AsString(); strings.HasPrefix(name, "~") || !filepath.IsLocal(path.Clean(name)) {
			diag := errorAt(call.Range(), "Reads what is not in the template",
				fmt.Sprintf("%s(%q) names a path outside of the template, which runs do not see.", call.Name, name))
			diag.Severity = hcl.DiagWarning
			diags = append(diags, diag)
		}
		return nil
	})
	return diags
}
