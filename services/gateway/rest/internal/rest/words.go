package rest

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"stackyard.dev/gen/comments"
	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

// words are the comments of the protos by full name: what people read about a thing.
var words = sync.OnceValue(func() map[protoreflect.FullName]string {
	all := map[protoreflect.FullName]string{}
	set := &descriptorpb.FileDescriptorSet{}
	if proto.Unmarshal(comments.DescriptorSet, set) != nil {
		return all
	}
	for _, described := range set.GetFile() {
		file, err := protodesc.NewFile(described, protoregistry.GlobalFiles)
		if err != nil {
			continue
		}
		read := func(d protoreflect.Descriptor) {
			all[d.FullName()] = paragraphs(file.SourceLocations().ByDescriptor(d).LeadingComments)
		}
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			read(service)
			for j := range service.Methods().Len() {
				read(service.Methods().Get(j))
			}
		}
		readMessages(file.Messages(), read)
		readEnums(file.Enums(), read)
	}
	return all
})

func readMessages(messages protoreflect.MessageDescriptors, read func(protoreflect.Descriptor)) {
	for i := range messages.Len() {
		message := messages.Get(i)
		read(message)
		for j := range message.Fields().Len() {
			read(message.Fields().Get(j))
		}
		readMessages(message.Messages(), read)
		readEnums(message.Enums(), read)
	}
}

func readEnums(enums protoreflect.EnumDescriptors, read func(protoreflect.Descriptor)) {
	for i := range enums.Len() {
		read(enums.Get(i))
		for j := range enums.Get(i).Values().Len() {
			read(enums.Get(i).Values().Get(j))
		}
	}
}

// wordsOf is what the protos say of a thing; for enum values by the name that the enum's scope has.
func wordsOf(d protoreflect.Descriptor) string { return words()[d.FullName()] }

// paragraphs takes the line breaks out of a comment and keeps those between paragraphs.
func paragraphs(comment string) string {
	blocks := strings.Split(strings.TrimSpace(comment), "\n\n")
	for i, block := range blocks {
		blocks[i] = strings.Join(strings.Fields(block), " ")
	}
	return strings.Join(blocks, "\n\n")
}

// firstSentence is the beginning of a text up to its first full stop, without it.
func firstSentence(text string) string {
	before, _, _ := strings.Cut(text+" ", ". ")
	return strings.TrimRight(strings.TrimSpace(before), ".")
}

// reason is what an ErrorReason means.
type reason struct {
	name string
	// code is the gRPC code that it always comes with, status that of HTTP.
	code   codes.Code
	status int
	text   string
}

var leadingCode = regexp.MustCompile(`^\[([A-Z_]+)\] `)

// reasons are all that there are, in the order of the proto.
var reasons = sync.OnceValue(func() (all []reason) {
	values := stackyardv1.ErrorReason(0).Descriptor().Values()
	for i := range values.Len() {
		text := wordsOf(values.Get(i))
		found := leadingCode.FindStringSubmatch(text)
		if found == nil {
			continue // Never sent.
		}
		c := codes.Code(code.Code_value[found[1]])
		all = append(all, reason{string(values.Get(i).Name()), c, runtime.HTTPStatusFromCode(c),
			strings.TrimPrefix(text, found[0])})
	}
	return all
})

func reasonNamed(name string) (reason, bool) {
	at := slices.IndexFunc(reasons(), func(r reason) bool { return r.name == name })
	if at < 0 {
		return reason{}, false
	}
	return reasons()[at], true
}

// reasonTitle is the beginning of what is said about a reason; empty where it is none of ours.
func reasonTitle(name string) string {
	found, _ := reasonNamed(name)
	title, _, _ := strings.Cut(firstSentence(found.text), "; ")
	return title
}

var reasonWord = regexp.MustCompile(`\b[A-Z]+(?:_[A-Z]+)+\b`)

// statedReasons are those that the comment of an RPC says it answers; what an operation ends with
// later is none of them.
func statedReasons(method protoreflect.MethodDescriptor) (names []string) {
	_, errors, _ := strings.Cut(wordsOf(method), "Errors: ")
	errors, _, _ = strings.Cut(errors, "in the operation")
	for _, name := range reasonWord.FindAllString(errors, -1) {
		if _, known := reasonNamed(name); known && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
