package main

import "testing"

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"string":                  "string",
		" list( string ) ":        "list(string)",
		"tuple([string,number,])": "tuple([string, number])",
		"object({})":              "object({})",
		"object({a=string\n b : optional( list(object({c=any})) , [ ] ) # why\n})": "object({a = string, b : optional(list(object({c = any})), [])})",
		"map(object({\n\n  a = optional(string, \"x, y\")\n\n  b = bool\n}))":      "map(object({a = optional(string, \"x, y\"), b = bool}))",
	} {
		if got := oneLine([]byte(text)); got != want {
			t.Errorf("oneLine(%q) = %q, want %q", text, got, want)
		}
	}
}
