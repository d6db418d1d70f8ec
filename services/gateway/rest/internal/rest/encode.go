package rest

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

var plainJSON = protojson.MarshalOptions{EmitDefaultValues: true}

// encoder writes messages as JSON with links in every resource. Messages without resources in them
// are left to protojson; only what holds some is taken apart here.
type encoder struct {
	resources *resources
	// expansions by resource; nil where none were asked for.
	expansions map[protoreflect.ProtoMessage]*expansion
}

func (e encoder) message(out []byte, m protoreflect.Message) (_ []byte, err error) {
	start := len(out)
	links := e.resources.fillLinks(m)
	switch {
	case m.Descriptor().FullName() == operationMessage:
		out, err = e.operation(out, m)
	case e.resources.holders[m.Descriptor().FullName()]:
		out, err = e.fields(out, m)
	default:
		out, err = plainJSON.MarshalAppend(out, m.Interface())
	}
	if err != nil {
		return nil, err
	}
	if len(links) > 0 {
		out = appendMember(out, start, linksField, links)
	}
	if x := e.expansions[m.Interface()]; x != nil {
		out = x.append(out, start)
	}
	return out, nil
}

// appendMember puts a member behind the others of the object that began at `start`.
func appendMember(out []byte, start int, key string, value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		return out
	}
	return append(append(beginMember(out, start, key), text...), '}')
}

// beginMember opens the object that began at `start` again for one more member.
func beginMember(out []byte, start int, key string) []byte {
	out = out[:len(out)-1]
	if len(out) > start+1 {
		out = append(out, ',')
	}
	return append(strconv.AppendQuote(out, key), ':')
}

// fields writes a message field by field, as protojson would.
func (e encoder) fields(out []byte, m protoreflect.Message) (_ []byte, err error) {
	out = append(out, '{')
	start := len(out)
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if field.HasPresence() && !m.Has(field) {
			continue
		}
		if len(out) > start {
			out = append(out, ',')
		}
		out = append(strconv.AppendQuote(out, field.JSONName()), ':')
		if out, err = e.field(out, field, m.Get(field)); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

func (e encoder) field(out []byte, field protoreflect.FieldDescriptor, value protoreflect.Value) (_ []byte, err error) {
	switch {
	case field.IsMap():
		return e.mapped(out, field, value.Map())
	case field.IsList():
		out = append(out, '[')
		for i := range value.List().Len() {
			if i > 0 {
				out = append(out, ',')
			}
			if out, err = e.value(out, field, value.List().Get(i)); err != nil {
				return nil, err
			}
		}
		return append(out, ']'), nil
	}
	return e.value(out, field, value)
}

func (e encoder) mapped(out []byte, field protoreflect.FieldDescriptor, value protoreflect.Map) ([]byte, error) {
	keys := make([]string, 0, value.Len())
	values := map[string]json.RawMessage{}
	var failed error
	value.Range(func(key protoreflect.MapKey, inner protoreflect.Value) bool {
		text, err := e.value(nil, field.MapValue(), inner)
		failed = err
		keys = append(keys, key.String())
		values[key.String()] = text
		return err == nil
	})
	if failed != nil {
		return nil, failed
	}
	slices.Sort(keys)
	out = append(out, '{')
	for i, key := range keys {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(appendText(out, key), ':'), values[key]...)
	}
	return append(out, '}'), nil
}

func (e encoder) value(out []byte, field protoreflect.FieldDescriptor, value protoreflect.Value) ([]byte, error) {
	switch field.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return e.message(out, value.Message())
	case protoreflect.StringKind:
		return appendText(out, value.String()), nil
	case protoreflect.BoolKind:
		return strconv.AppendBool(out, value.Bool()), nil
	case protoreflect.EnumKind:
		if known := field.Enum().Values().ByNumber(value.Enum()); known != nil {
			return strconv.AppendQuote(out, string(known.Name())), nil
		}
		return strconv.AppendInt(out, int64(value.Enum()), 10), nil
	case protoreflect.BytesKind:
		out = append(out, '"')
		return append(base64.StdEncoding.AppendEncode(out, value.Bytes()), '"'), nil
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		number := value.Float()
		if math.IsNaN(number) || math.IsInf(number, 0) {
			return appendText(out, strconv.FormatFloat(number, 'g', -1, 64)), nil
		}
		return strconv.AppendFloat(out, number, 'g', -1, 64), nil
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Uint64Kind,
		protoreflect.Sfixed64Kind, protoreflect.Fixed64Kind:
		return strconv.AppendQuote(out, value.String()), nil
	}
	return append(out, value.String()...), nil
}

func appendText(out []byte, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil {
		return append(out, `""`...)
	}
	return append(out, quoted...)
}

// operation writes an Operation, whose response may be a resource.
func (e encoder) operation(out []byte, m protoreflect.Message) ([]byte, error) {
	fields := m.Descriptor().Fields()
	response := fields.ByName("response")
	if !m.Has(response) {
		return plainJSON.MarshalAppend(out, m.Interface())
	}
	inner := unpacked(m.Get(response).Message())
	if inner == nil || e.resources.holders[inner.Descriptor().FullName()] {
		return plainJSON.MarshalAppend(out, m.Interface())
	}
	// All but the response by protojson, and that one behind it with its links.
	rest := proto.Clone(m.Interface()).ProtoReflect()
	rest.Clear(response)
	start := len(out)
	out, err := plainJSON.MarshalAppend(out, rest.Interface())
	if err != nil {
		return nil, err
	}
	out = beginMember(out, start, "response")
	start = len(out)
	if out, err = e.message(out, inner); err != nil {
		return nil, err
	}
	kind := append(appendText([]byte(`{"@type":`), m.Get(response).Message().Interface().(*anypb.Any).GetTypeUrl()), ',')
	if len(out) == start+2 {
		kind = kind[:len(kind)-1]
	}
	return append(slices.Insert(out, start+1, kind[1:]...), '}'), nil
}

// metadataOf is the metadata of an Operation; nil where there is none that is known.
func metadataOf(m protoreflect.Message) protoreflect.Message {
	field := m.Descriptor().Fields().ByName("metadata")
	if !m.Has(field) {
		return nil
	}
	return unpacked(m.Get(field).Message())
}

func unpacked(m protoreflect.Message) protoreflect.Message {
	packed, ok := m.Interface().(*anypb.Any)
	if !ok {
		return nil
	}
	inner, err := packed.UnmarshalNew()
	if err != nil {
		return nil
	}
	return inner.ProtoReflect()
}
