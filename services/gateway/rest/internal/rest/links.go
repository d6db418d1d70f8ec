package rest

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

// linksField is where a resource tells where related ones are. Some messages have it of their own.
const linksField = "links"

// nameOf is the name of a resource; empty where it has none, as in a preview.
func (r *resources) nameOf(m protoreflect.Message) (string, *resourceType) {
	kind := r.types[m.Descriptor().FullName()]
	if kind == nil {
		return "", nil
	}
	name := m.Get(m.Descriptor().Fields().ByName("name")).String()
	for _, pattern := range kind.patterns {
		if matches(pattern, name) {
			return name, kind
		}
	}
	return "", nil
}

// linksOf tells where a resource, what is above and below it and what it refers to are read.
func (r *resources) linksOf(m protoreflect.Message) map[string]string {
	name, kind := r.nameOf(m)
	if name == "" {
		return nil
	}
	links := map[string]string{}
	if r.getter(name) != nil {
		links["self"] = linkTo(name)
	}
	if parent := r.parentOf(name); parent != "" {
		links["parent"] = linkTo(parent)
	}
	for _, c := range kind.children {
		if matches(c.pattern, name) {
			links[c.key] = linkTo(name) + c.suffix
		}
	}
	for key, target := range r.referred(m, kind) {
		links[key] = linkTo(target)
	}
	return links
}

// referred are the names of other resources in a resource, by field.
func (r *resources) referred(m protoreflect.Message, kind *resourceType) map[string]string {
	fields := kind.references
	if kind.message.FullName() == operationMessage {
		if m = metadataOf(m); m == nil {
			return nil
		}
		fields = referencesOf(m.Descriptor())
	}
	names := map[string]string{}
	for _, field := range fields {
		if value := m.Get(field).String(); r.getter(value) != nil {
			names[field.JSONName()] = value
		}
	}
	return names
}

// fillLinks completes the links of a message that has a field for them, and answers those of one
// that has none.
func (r *resources) fillLinks(m protoreflect.Message) map[string]string {
	links := r.linksOf(m)
	field := m.Descriptor().Fields().ByName(linksField)
	if field == nil || len(links) == 0 {
		return links
	}
	into := m.Mutable(field).Map()
	for key, link := range links {
		if at := protoreflect.ValueOfString(key).MapKey(); !into.Has(at) {
			into.Set(at, protoreflect.ValueOfString(link))
		}
	}
	return nil
}
