package rest

import (
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// What path segments look like; the services say more exactly which ids there are.
const (
	segmentPattern = `[A-Za-z0-9][A-Za-z0-9._-]*`
	numberPattern  = `[1-9][0-9]{0,17}`
)

// idPatterns are of ids that all services take for wrong where they do not fit.
var idPatterns = map[string]string{
	"project": `[a-z][a-z0-9-]{0,38}[a-z0-9]`, "run": numberPattern, "revision": numberPattern,
}

func (d *describer) parameters(r *route, variables []pathVariable) []any {
	all := []any{}
	for i, variable := range variables {
		pattern := segmentPattern
		if known := idPatterns[variable.name]; known != "" {
			pattern = known
		}
		schema := object{"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^" + pattern + "$"}
		about := "Id of the " + humanized(variable.name) + "."
		if variable.many {
			schema["pattern"] = `^[^/%?#]+$`
			about = "Address of the resource in Terraform, escaped as a whole."
		} else if elements(r.rpc.Output()) != nil && i == len(variables)-1 && r.rpc.Input().Fields().ByName("parent") != nil {
			// A list below what does not exist may be an empty one.
			delete(schema, "pattern")
			delete(schema, "maxLength")
			if variable.name == "project" {
				schema["maxLength"] = 40
				schema["pattern"] = "^(-|" + pattern + ")$"
			}
			about += " `-` stands for all of them, where the list can be read over all."
		}
		all = append(all, object{"name": variable.name, "in": "path", "required": true,
			"description": about, "schema": schema, "example": exampleID(variable.name)})
	}
	bound := "," + strings.Join(boundFields(r), ",") + ","
	fields := r.rpc.Input().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		name := string(field.Name())
		if r.body == "*" || r.body == name || strings.Contains(bound, ","+name+",") {
			continue
		}
		all = append(all, d.queryParameters(field, "", isRequired(field))...)
	}
	if names := d.api.resources.expandable(r); len(names) > 0 {
		all = append(all, expandParameter(names))
	}
	return append(all, d.headerParameters(r)...)
}

// queryParameters describes a field in the query; one with fields of its own becomes several.
func (d *describer) queryParameters(field protoreflect.FieldDescriptor, prefix string, required bool) (all []any) {
	name := prefix + field.JSONName()
	message := field.Message()
	if message != nil && !field.IsMap() && !field.IsList() && wellKnown(message, forInput) == nil {
		for i := range message.Fields().Len() {
			if inner := message.Fields().Get(i); inner.Message() == nil || wellKnown(inner.Message(), forInput) != nil {
				all = append(all, d.queryParameters(inner, name+".", false)...)
			}
		}
		return all
	}
	if field.IsMap() || message != nil && wellKnown(message, forInput)["type"] != "string" {
		return nil // Nothing that a query can hold.
	}
	schema := d.property(field, forInput)
	about, _ := schema["description"].(string)
	delete(schema, "description")
	if kinds, ok := schema["type"].([]any); ok {
		schema["type"] = kinds[0] // A query has no null.
	}
	if field.Name() == "page_size" {
		schema["minimum"] = 0
	}
	if required && field.Kind() == protoreflect.StringKind {
		schema["minLength"] = 1
	}
	parameter := object{"name": name, "in": "query", "description": about, "schema": schema}
	if required {
		parameter["required"] = true
	}
	if example := queryExample(field); example != nil {
		parameter["example"] = example
	}
	return []any{parameter}
}

func queryExample(field protoreflect.FieldDescriptor) any {
	switch field.Name() {
	case "page_token", "resume_token", "etag", "order_by", "filter", "update_mask":
		return nil // Only what a server said is one; a wrong one would be sent by who tries the page.
	}
	if strings.HasSuffix(string(field.Name()), "_id") || isRequired(field) {
		return exampleValue(field, forInput, 0)
	}
	return nil
}

func expandParameter(names []string) object {
	values := make([]any, len(names))
	for i, name := range names {
		values[i] = name
	}
	return object{"name": "expand", "in": "query", "style": "form", "explode": false,
		"description": "Related resources to embed under `expanded`: at most 20 names and 100 resources. Of " +
			"collections it is the first page. What the caller may not see is told in `notExpanded`.",
		"schema": object{"type": "array", "items": object{"type": "string", "enum": values}, "minItems": 1, "maxItems": maxExpandFields}}
}

func (d *describer) headerParameters(r *route) (all []any) {
	header := func(name, about string, schema object) {
		all = append(all, object{"name": name, "in": "header", "description": about, "schema": schema})
	}
	if r.method == "GET" && hasETag(r) {
		header("If-None-Match", "An `ETag` that was answered before: 304 where it is still the current one.",
			object{"type": "string", "pattern": `^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)?$`})
	}
	if r.method != "GET" && takesETag(r) {
		header("If-Match", "The `ETag` that was read: 412 where it is no longer the current one.",
			object{"type": "string", "pattern": `^(\*|(W/)?"[!#-~]+")?$`})
	}
	if r.method != "GET" && r.rpc.Input().Fields().ByName("request_id") != nil {
		header("Idempotency-Key", "Makes a repetition safe for 24 h; the same as `requestId`.",
			object{"type": "string", "pattern": `^[ -~]{0,64}$`})
	}
	if r.streams() {
		header("Last-Event-ID", "Id of the event that was seen last; only with `Accept: text/event-stream`.",
			object{"type": "string"})
	}
	return all
}

// hasETag tells whether answers say which version they are.
func hasETag(r *route) bool {
	return r.answersRaw() || r.rpc.Output().Fields().ByName("etag") != nil
}

func takesETag(r *route) bool {
	if r.rpc.Input().Fields().ByName("etag") != nil {
		return true
	}
	body := r.bodyMessage()
	return r.body != "*" && body != nil && body.Fields().ByName("etag") != nil
}

// humanized spells `changeRequest` as `change request`.
func humanized(camel string) string { return strings.ReplaceAll(snake(camel), "_", " ") }

// resourceTypeOf is the kind that a field names by its annotation; empty: none.
func resourceTypeOf(field protoreflect.FieldDescriptor) string {
	reference, _ := proto.GetExtension(field.Options(), annotations.E_ResourceReference).(*annotations.ResourceReference)
	return reference.GetType()
}
