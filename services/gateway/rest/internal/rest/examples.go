package rest

import (
	"regexp"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Examples are made from the descriptors: names that fit their patterns, values that the comments
// quote, and else something of the right shape.

const exampleDepth = 4

var exampleIDs = map[string]string{
	"project": "web", "stack": "shop", "template": "hello", "version": "1", "run": "7", "revision": "3",
	"changeRequest": "12", "user": "ann", "role": "dev", "binding": "b1", "token": "t1", "metric": "vcpu",
	"limit": "vcpu", "grant": "sale", "reservation": "r1", "credential": "aws", "channel": "ops",
	"notification": "n1", "document": "shop", "event": "41", "operation": "op1", "stateVersion": "5",
	"file": "kubeconfig", "resource": "terraform_data.greeting",
}

func exampleID(name string) string {
	if id := exampleIDs[name]; id != "" {
		return id
	}
	return "a1"
}

// exampleName fills a pattern, `projects/*/stacks/*`.
func exampleName(pattern string) string {
	segments := strings.Split(pattern, "/")
	for i, segment := range segments {
		if i > 0 && (segment == "*" || segment == "**") {
			segments[i] = exampleID(singular(segments[i-1]))
		}
	}
	return strings.Join(segments, "/")
}

// exampleTexts are values of string fields that have the same meaning wherever they are.
var exampleTexts = map[string]string{
	"display_name": "Web shop", "title": "Hello", "description": "Greets somebody", "email": "ann@example.com",
	"reason": "needed for the sale", "etag": "a1b2c3", "uid": "k3v9x0q2m7ab", "message": "waits for review",
	"currency": "USD", "price_date": "2026-01-31", "next_page_token": "", "resume_token": "MTc",
	"creator": "users/ann", "requester": "users/ann", "publisher": "users/dave", "actor": "users/ann",
	"member": "users/ann", "user": "users/ann", "comment": "looks fine", "url": "https://example.com/hook",
	"digest":      "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	"plan_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	"filter":      "state = READY", "order_by": "create_time desc", "address": "terraform_data.greeting",
	"request_id": "4f1c", "role": "roles/dev", "method": "/stackyard.v1.StackService/GetStack",
	"template_version": "templates/hello/versions/1", "stack": "projects/web/stacks/shop",
	"active_run": "projects/web/stacks/shop/runs/7", "run": "projects/web/stacks/shop/runs/7",
	"operation": "operations/op1", "change_request": "projects/web/changeRequests/12",
	"publish_document": "documents/shop", "issuer": "https://login.example.com", "metric": "vcpu",
	"subject": "vcpu", "version": "1.0.0", "text": "Apply complete!\n", "target": "projects/web/stacks/shop",
	"resource": "projects/web/stacks/shop", "event": "projects/web/events/41", "name": "name",
	"parent": "projects/web",
}

var quoted = regexp.MustCompile("(?:for example|Example:?|such as) `([^`{}…]+)`")

func exampleOf(key schemaKey, depth int) object {
	example := object{}
	oneofs := map[protoreflect.FullName]bool{}
	for _, field := range fieldsOf(key) {
		if skipped(field, key.mode) {
			continue
		}
		if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
			if oneofs[oneof.FullName()] {
				continue
			}
			oneofs[oneof.FullName()] = true
		}
		if field.Message() != nil && depth >= exampleDepth {
			switch {
			case field.IsMap():
				example[field.JSONName()] = object{}
			case field.IsList():
				example[field.JSONName()] = []any{}
			}
			continue
		}
		example[field.JSONName()] = exampleValue(field, key.mode, depth)
	}
	return example
}

// skipped tells that an example of a request is better without a field: one that repeats, guards or
// only tries, or that is for few.
func skipped(field protoreflect.FieldDescriptor, mode schemaMode) bool {
	if mode == forOutput || isRequired(field) {
		return false
	}
	switch field.Name() {
	case "etag", "request_id", "validate_only", "page_token", "annotations", "publish_document", "lease", "name":
		return true
	}
	return false
}

func exampleValue(field protoreflect.FieldDescriptor, mode schemaMode, depth int) any {
	switch {
	case field.IsMap():
		return object{"team": exampleSingle(field.MapValue(), mode, depth)}
	case field.IsList():
		return []any{exampleSingle(field, mode, depth)}
	}
	return exampleSingle(field, mode, depth)
}

func exampleSingle(field protoreflect.FieldDescriptor, mode schemaMode, depth int) any {
	switch field.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		if known, ok := exampleWellKnown(field.Message()); ok {
			return known
		}
		return exampleOf(schemaKey{field.Message(), mode, ""}, depth+1)
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		return string(values.Get(min(1, values.Len()-1)).Name())
	case protoreflect.BoolKind:
		return false
	case protoreflect.StringKind:
		return exampleText(field)
	case protoreflect.BytesKind:
		return "eyJ2ZXJzaW9uIjo0fQ=="
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind,
		protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return 1
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return 0.5
	}
	return "1"
}

func exampleText(field protoreflect.FieldDescriptor) string {
	if kind := resourceTypeOf(field); kind != "" {
		if pattern := patternOf(kind); pattern != "" {
			return exampleName(pattern)
		}
	}
	name := string(field.Name())
	if message, ok := field.Parent().(protoreflect.MessageDescriptor); ok && name == "name" {
		option, _ := proto.GetExtension(message.Options(), annotations.E_Resource).(*annotations.ResourceDescriptor)
		if patterns := option.GetPattern(); len(patterns) > 0 {
			plain, _ := splitPattern(patterns[0])
			return exampleName(plain)
		}
		if message.FullName() == operationMessage {
			return "operations/op1"
		}
	}
	if found := quoted.FindStringSubmatch(wordsOf(field)); found != nil {
		return found[1]
	}
	if text, ok := exampleTexts[name]; ok {
		return text
	}
	if id, isID := strings.CutSuffix(field.JSONName(), "Id"); isID {
		return exampleID(id)
	}
	return strings.ReplaceAll(name, "_", "-")
}

// patternOf is the first pattern of a kind of resource, `stackyard.dev/Stack`.
func patternOf(kind string) (pattern string) {
	protoregistry.GlobalFiles.RangeFilesByPackage(apiPackage, func(f protoreflect.FileDescriptor) bool {
		for i := range f.Messages().Len() {
			option, _ := proto.GetExtension(f.Messages().Get(i).Options(), annotations.E_Resource).(*annotations.ResourceDescriptor)
			if option.GetType() == kind && len(option.GetPattern()) > 0 {
				pattern, _ = splitPattern(option.GetPattern()[0])
			}
		}
		return pattern == ""
	})
	return pattern
}

func exampleWellKnown(message protoreflect.MessageDescriptor) (any, bool) {
	switch message.FullName() {
	case "google.protobuf.Timestamp":
		return "2026-01-31T12:00:00Z", true
	case "google.protobuf.Duration":
		return "259200s", true
	case "google.protobuf.FieldMask":
		return "displayName,labels", true
	case "google.protobuf.Struct":
		return object{"name": "Ada"}, true
	case "google.protobuf.Value":
		return "hello", true
	case "google.protobuf.Empty":
		return object{}, true
	case "google.protobuf.Any":
		return object{"@type": "type.googleapis.com/stackyard.v1.OperationMetadata"}, true
	}
	return nil, false
}

// exampleAnswer is what a call answers, links and all.
func (d *describer) exampleAnswer(r *route) any {
	message := r.rpc.Output()
	if known, ok := exampleWellKnown(message); ok {
		return known
	}
	example := exampleOf(schemaKey{message: message}, 0)
	if message.FullName() == operationMessage {
		delete(example, "error")
		delete(example, "response")
	}
	d.exampleLinks(example, message)
	if field := elements(message); field != nil {
		if list, ok := example[field.JSONName()].([]any); ok {
			for _, element := range list {
				d.exampleLinks(element.(object), field.Message())
			}
		}
	}
	return example
}

func (d *describer) exampleLinks(example object, message protoreflect.MessageDescriptor) {
	kind := d.api.resources.types[message.FullName()]
	name, _ := example["name"].(string)
	if kind == nil || name == "" {
		return
	}
	links := object{}
	if d.api.resources.getter(name) != nil {
		links["self"] = linkTo(name)
	}
	if parent := d.api.resources.parentOf(name); parent != "" {
		links["parent"] = linkTo(parent)
	}
	for _, c := range kind.children {
		if matches(c.pattern, name) {
			links[c.key] = linkTo(name) + c.suffix
		}
	}
	for _, field := range kind.references {
		if target, _ := example[field.JSONName()].(string); d.api.resources.getter(target) != nil {
			links[field.JSONName()] = linkTo(target)
		}
	}
	example[linksField] = links
}

// exampleProblem is an error as a call answers it.
func exampleProblem(status int, name string) *problemDetails {
	found, _ := reasonNamed(name)
	st := newError(found.code, 0, found.text)
	p := newProblem(status, st, nil, "4f1c0a9be2d37758")
	p.Reason, p.Type, p.Title = name, "/docs/errors#"+name, reasonTitle(name)
	switch name {
	case "INVALID_FIELD":
		p.Errors = []fieldError{{Field: "page_size", Detail: "must be 0 to 1000", Parameter: "pageSize"}}
	case "QUOTA_EXCEEDED":
		p.Quota = []violation{{"", "vcpu", "2 asked for, 1 left"}}
	case "RATE_LIMITED", "OVERLOADED":
		p.RetryAfterSeconds = 1
	}
	return p
}
