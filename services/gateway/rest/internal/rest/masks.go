package rest

import (
	"encoding/json"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// applyMask makes the update mask of a PATCH: the one of the query, in names of the proto, or else
// the fields that the body has and that can be changed. So what was read can be sent back.
func (c *httpCall) applyMask(request protoreflect.Message) *status.Status {
	field := request.Descriptor().Fields().ByName("update_mask")
	resource := request.Descriptor().Fields().ByName(protoreflect.Name(c.route.body))
	if c.route.method != "PATCH" || field == nil || resource == nil || resource.Message() == nil {
		return nil
	}
	mask := &fieldmaskpb.FieldMask{}
	if c.maskGiven {
		given, _ := request.Get(field).Message().Interface().(*fieldmaskpb.FieldMask)
		for _, path := range given.GetPaths() {
			plain, ok := protoPath(resource.Message(), path)
			if !ok {
				return invalidField("update_mask", "no such field: "+path)
			}
			mask.Paths = append(mask.Paths, plain)
		}
	} else {
		var body map[string]json.RawMessage
		if err := json.Unmarshal(c.body, &body); err != nil {
			return nil // Nothing was sent, and nothing is changed.
		}
		mask.Paths = pathsOf(resource.Message(), body)
	}
	request.Set(field, protoreflect.ValueOfMessage(mask.ProtoReflect()))
	return nil
}

// protoPath spells a path as the proto does: `displayName` is `display_name`. Keys of maps and of
// free objects stay as they are.
func protoPath(message protoreflect.MessageDescriptor, path string) (string, bool) {
	if path == "*" {
		return path, true
	}
	parts := strings.Split(path, ".")
	for i, part := range parts {
		field := fieldNamed(message, part)
		if field == nil {
			return "", false
		}
		parts[i] = string(field.Name())
		if i == len(parts)-1 || isFree(field) {
			break
		}
		if field.Message() == nil || field.IsList() {
			return "", false
		}
		message = field.Message()
	}
	return strings.Join(parts, "."), true
}

// isFree tells that keys of a field are not named by the proto.
func isFree(field protoreflect.FieldDescriptor) bool {
	return field.IsMap() || field.Message() != nil && field.Message().FullName() == "google.protobuf.Struct"
}

// pathsOf lists the fields of a body. Fields that nobody can change are left out.
func pathsOf(message protoreflect.MessageDescriptor, body map[string]json.RawMessage) (paths []string) {
	for key, text := range body {
		field := fieldNamed(message, key)
		if field == nil || field.Name() == "name" || field.Name() == "etag" || isOutput(field) {
			continue
		}
		var inner map[string]json.RawMessage
		below := []string{}
		if !field.IsMap() && !field.IsList() && field.Message() != nil && json.Unmarshal(text, &inner) == nil {
			if isFree(field) {
				for name := range inner {
					below = append(below, name)
				}
			} else if !strings.HasPrefix(string(field.Message().FullName()), "google.protobuf.") {
				below = pathsOf(field.Message(), inner)
				if len(below) == 0 && len(inner) > 0 {
					continue // Nothing in it can be changed.
				}
			}
		}
		if len(below) == 0 {
			paths = append(paths, string(field.Name()))
		}
		for _, path := range below {
			paths = append(paths, string(field.Name())+"."+path)
		}
	}
	slices.Sort(paths)
	return paths
}

func behaves(field protoreflect.FieldDescriptor, as annotations.FieldBehavior) bool {
	behaviors, _ := proto.GetExtension(field.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(behaviors, as)
}

func isOutput(field protoreflect.FieldDescriptor) bool {
	return behaves(field, annotations.FieldBehavior_OUTPUT_ONLY)
}
