package rest

import (
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

// schemaMode says which way a message goes: what a server fills in is not sent, and a PATCH needs
// nothing.
type schemaMode int

const (
	forOutput schemaMode = iota
	forInput
	forPatch
)

// schemaKey is a schema of the description. `bound` lists fields of a request that the path gives.
type schemaKey struct {
	message protoreflect.MessageDescriptor
	mode    schemaMode
	bound   string
}

func (k schemaKey) name() string {
	name := strings.TrimPrefix(string(k.message.FullName()), string(k.message.ParentFile().Package())+".")
	switch {
	case k.bound != "":
		return name
	case k.mode == forInput:
		return name + ".Input"
	case k.mode == forPatch:
		return name + ".Patch"
	}
	return name
}

// reference is how other schemas name one; it is made later.
func (d *describer) reference(key schemaKey) object {
	if known := wellKnown(key.message, key.mode); known != nil {
		return known
	}
	if d.schemas[key.name()] == nil {
		d.schemas[key.name()] = object{}
		d.pending = append(d.pending, key)
	}
	return object{"$ref": "#/components/schemas/" + key.name()}
}

// finish makes the schemas that others refer to.
func (d *describer) finish() {
	for len(d.pending) > 0 {
		key := d.pending[0]
		d.pending = d.pending[1:]
		d.schemas[key.name()] = d.schema(key)
	}
}

func (d *describer) schema(key schemaKey) object {
	properties := object{}
	required := []any{}
	for _, field := range fieldsOf(key) {
		properties[field.JSONName()] = d.property(field, key.mode)
		sent := key.mode == forOutput && !field.HasPresence() && key.message.FullName() != operationMessage
		if sent || key.mode == forInput && isRequired(field) {
			required = append(required, field.JSONName())
		}
	}
	schema := object{"type": "object", "description": wordsOf(key.message), "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	if key.mode != forOutput {
		schema["additionalProperties"] = false
	} else if kind := d.api.resources.types[key.message.FullName()]; kind != nil {
		d.addLinks(properties, kind)
	}
	return schema
}

// addLinks describes what this server adds to every resource.
func (d *describer) addLinks(properties object, kind *resourceType) {
	links := object{}
	for _, name := range []string{"self", "parent"} {
		links[name] = linkSchema
	}
	for _, field := range kind.references {
		links[field.JSONName()] = linkSchema
	}
	for _, c := range kind.children {
		links[c.key] = linkSchema
	}
	properties[linksField] = object{
		"type": "object", "readOnly": true, "properties": links, "additionalProperties": linkSchema,
		"description": "Paths of related resources, by relation: itself, what is above and below it, and what " +
			"its fields name.",
	}
	properties[expandedKey] = object{
		"type": "object", "readOnly": true, "additionalProperties": object{"type": "object"},
		"description": "What `expand` asked for, by its names there.",
	}
	properties[notExpandedKey] = object{
		"type": "object", "readOnly": true,
		"description": "What `expand` asked for and is gone, hidden from the caller or too much, and why.",
		"additionalProperties": object{"type": "object", "properties": object{
			"name": stringSchema, "code": stringSchema, "reason": stringSchema, "detail": stringSchema,
		}},
	}
}

var (
	stringSchema = object{"type": "string"}
	linkSchema   = object{"type": "string", "format": "uri-reference"}
)

// fieldsOf are the fields of a message that are sent this way.
func fieldsOf(key schemaKey) (fields []protoreflect.FieldDescriptor) {
	all := key.message.Fields()
	for i := range all.Len() {
		field := all.Get(i)
		bound := strings.Contains(","+key.bound+",", ","+string(field.Name())+",")
		resourceName := behaves(field, annotations.FieldBehavior_IDENTIFIER)
		if bound || key.mode != forOutput && (isOutput(field) || resourceName) ||
			key.mode == forOutput && behaves(field, annotations.FieldBehavior_INPUT_ONLY) {
			continue
		}
		fields = append(fields, field)
	}
	return fields
}

func isRequired(field protoreflect.FieldDescriptor) bool {
	return behaves(field, annotations.FieldBehavior_REQUIRED)
}

func isSecret(field protoreflect.FieldDescriptor) bool {
	secret, _ := proto.GetExtension(field.Options(), stackyardv1.E_Secret).(bool)
	return secret
}

func (d *describer) property(field protoreflect.FieldDescriptor, mode schemaMode) object {
	schema := object{}
	switch {
	case field.IsMap():
		schema = object{"type": "object", "additionalProperties": d.single(field.MapValue(), mode)}
	case field.IsList():
		schema = object{"type": "array", "items": d.single(field, mode)}
	default:
		// Schemas that several share must not get this field's description.
		for key, value := range d.single(field, mode) {
			schema[key] = value
		}
	}
	if text := wordsOf(field); text != "" {
		if values, ok := schema["description"].(string); ok {
			text += "\n\n" + values
		}
		schema["description"] = text
	}
	if mode == forOutput && isOutput(field) {
		schema["readOnly"] = true
	}
	if isSecret(field) && mode != forOutput {
		schema["writeOnly"] = true
	}
	if mode != forOutput {
		acceptNull(schema)
	}
	return schema
}

// acceptNull says that null is as good as leaving a field out, as it is in proto JSON.
func acceptNull(schema object) {
	kind, ok := schema["type"].(string)
	if ok && schema["enum"] == nil {
		schema["type"] = []any{kind, "null"}
	}
}

var mostCharacters = regexp.MustCompile(`[Aa]t most (\d+) characters`)

// single is the schema of one value of a field.
func (d *describer) single(field protoreflect.FieldDescriptor, mode schemaMode) object {
	switch field.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		if mode == forOutput {
			return d.reference(schemaKey{message: field.Message()})
		}
		return d.reference(schemaKey{field.Message(), mode, ""})
	case protoreflect.EnumKind:
		return enumSchema(field.Enum())
	case protoreflect.BoolKind:
		return object{"type": "boolean"}
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return object{"type": "integer", "format": "int32"}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return object{"type": "integer", "format": "int64", "minimum": 0}
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return object{"type": "number"}
	case protoreflect.BytesKind:
		return object{"type": "string", "format": "byte", "contentEncoding": "base64"}
	case protoreflect.StringKind:
		schema := object{"type": "string"}
		if most := mostCharacters.FindStringSubmatch(wordsOf(field)); most != nil && mode != forOutput {
			schema["maxLength"], _ = strconv.Atoi(most[1])
		}
		return schema
	}
	return object{"type": "string", "format": "int64", "pattern": `^-?[0-9]+$`}
}

func enumSchema(enum protoreflect.EnumDescriptor) object {
	names := []any{}
	var text strings.Builder
	for i := range enum.Values().Len() {
		value := enum.Values().Get(i)
		names = append(names, string(value.Name()))
		if about := wordsOf(value); about != "" {
			text.WriteString("- `" + string(value.Name()) + "`: " + about + "\n")
		}
	}
	return object{"type": "string", "enum": names, "description": text.String()}
}

// wellKnown are messages that JSON has a form of its own for; nil for others.
func wellKnown(message protoreflect.MessageDescriptor, mode schemaMode) object {
	switch message.FullName() {
	case "google.protobuf.Timestamp":
		return object{"type": "string", "format": "date-time"}
	case "google.protobuf.Duration":
		return object{"type": "string", "pattern": `^-?[0-9]+(\.[0-9]{1,9})?s$`}
	case "google.protobuf.FieldMask":
		return object{"type": "string"}
	case "google.protobuf.Struct":
		return object{"type": "object", "additionalProperties": true}
	case "google.protobuf.Value":
		return object{}
	case "google.protobuf.Empty":
		return object{"type": "object", "maxProperties": 0}
	case "google.protobuf.Any":
		return object{"type": "object", "additionalProperties": true,
			"properties": object{"@type": object{"type": "string"}}}
	}
	return nil
}

// problemSchema describes errors, as problem.go writes them.
func problemSchema() object {
	text := func(about string) object { return object{"type": "string", "description": about} }
	violations := func(about string) object {
		return object{"type": "array", "description": about, "items": object{
			"type": "object", "required": []any{"subject", "detail"},
			"properties": object{"type": stringSchema, "subject": stringSchema, "detail": stringSchema},
		}}
	}
	names := []any{}
	for _, r := range reasons() {
		names = append(names, r.name)
	}
	return object{
		"type": "object", "description": "An error, as RFC 9457 shapes it. The same reasons come over gRPC.",
		"required": []any{"type", "title", "status", "detail", "code"},
		"properties": object{
			"type":     object{"type": "string", "format": "uri-reference", "description": "Where the reason is explained."},
			"title":    text("What the reason means."),
			"status":   object{"type": "integer", "format": "int32", "description": "The HTTP status."},
			"detail":   text("What went wrong this time."),
			"instance": text("The request, `urn:stackyard:request:{X-Request-Id}`."),
			"code":     text("Name of the gRPC code."),
			"reason":   object{"type": "string", "examples": names, "description": "Why, for programs. /docs/errors lists all."},
			"metadata": object{"type": "object", "additionalProperties": stringSchema, "description": "More about the reason."},
			"errors": object{"type": "array", "description": "Every field at fault.", "items": object{
				"type": "object", "required": []any{"field", "detail"},
				"properties": object{
					"field":     text("Path of the field in the request of the RPC."),
					"detail":    text("What is expected."),
					"pointer":   text("JSON pointer of the field in the body."),
					"parameter": text("Name of the parameter."),
				},
			}},
			"quota":         violations("Every metric that is short."),
			"preconditions": violations("Every condition that does not hold."),
			"resource": object{"type": "object", "description": "The resource that it is about.",
				"properties": object{"type": stringSchema, "name": stringSchema}},
			"retryAfterSeconds": object{"type": "integer", "format": "int64", "description": "When to try again."},
			"details": object{"type": "array", "description": "More, by type.",
				"items": object{"type": "object", "additionalProperties": true}},
		},
	}
}
