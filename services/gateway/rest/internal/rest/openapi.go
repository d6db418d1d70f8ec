package rest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"stackyard.dev/gen/openapi"
	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

const apiAbout = `Self-service Terraform with quota, approval and leases built in.

Send a token as ` + "`Authorization: Bearer …`" + `. Errors are google.rpc.Status: the ErrorInfo in their
details carries a reason, BadRequest names every field at fault, QuotaFailure every metric that is
short. Long work answers an Operation. Streams are one JSON object per line: ` +
	"`{\"result\": …}`" + ` or, at the end, ` + "`{\"error\": …}`" + `.`

type object = map[string]any

// describeAPI makes the OpenAPI description: what the protos say, and what they cannot say: how to
// authenticate, which answers are streams, where the server is.
func describeAPI(version string) (asJSON, asYAML []byte, err error) {
	var doc object
	if err := yaml.Unmarshal(openapi.YAML, &doc); err != nil {
		return nil, nil, fmt.Errorf("the generated OpenAPI description: %w", err)
	}
	doc["info"] = object{
		"title": "Stackyard", "version": version, "description": apiAbout,
		"license": object{"name": "Apache-2.0"},
	}
	doc["servers"] = []any{object{"url": "/", "description": "This server"}}
	doc["security"] = []any{object{"bearer": []any{}}}
	components, _ := doc["components"].(object)
	if components == nil {
		return nil, nil, fmt.Errorf("the generated OpenAPI description has no components")
	}
	components["securitySchemes"] = object{"bearer": object{
		"type": "http", "scheme": "bearer",
		"description": "An API token (stackyard tokens create) or an OIDC ID token.",
	}}
	describeOperations(doc)
	joinLines(doc)
	if asJSON, err = json.Marshal(doc); err != nil {
		return nil, nil, err
	}
	asYAML, err = yaml.Marshal(doc)
	return asJSON, asYAML, err
}

func describeOperations(doc object) {
	methods := map[string]protoreflect.MethodDescriptor{}
	for _, method := range apiMethods() {
		methods[string(method.Parent().Name())+"_"+string(method.Name())] = method
	}
	paths, _ := doc["paths"].(object)
	for _, path := range paths {
		operations, _ := path.(object)
		for _, value := range operations {
			operation, _ := value.(object)
			// A second binding of one RPC has a number behind its id.
			id, _ := operation["operationId"].(string)
			method := methods[strings.TrimRight(id, "0123456789")]
			if method == nil {
				continue
			}
			if summary, _, ok := strings.Cut(fmt.Sprint(operation["description"]), "."); ok {
				operation["summary"] = strings.Join(strings.Fields(summary), " ")
			}
			if isPublic(method) {
				operation["security"] = []any{}
			}
			if method.IsStreamingServer() {
				describeStream(operation)
			}
		}
	}
}

func isPublic(method protoreflect.MethodDescriptor) bool {
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	access, _ := proto.GetExtension(options, stackyardv1.E_Access).(*stackyardv1.Access)
	return access.GetAudience() == stackyardv1.Access_PUBLIC
}

func describeStream(operation object) {
	responses, _ := operation["responses"].(object)
	ok, _ := responses["200"].(object)
	content, _ := ok["content"].(object)
	body, _ := content["application/json"].(object)
	if body == nil {
		return
	}
	ok["description"] = "One JSON object per line, for as long as the stream lasts"
	ok["content"] = object{"application/x-ndjson": object{"schema": object{
		"type": "object",
		"properties": object{
			"result": body["schema"],
			"error":  object{"$ref": "#/components/schemas/Status"},
		},
	}}}
}

var lineBreak = regexp.MustCompile(`([^\n])\n ?([^\n])`)

// joinLines takes the line breaks of proto comments out of descriptions; Markdown keeps paragraphs.
func joinLines(value any) {
	switch v := value.(type) {
	case object:
		for key, inner := range v {
			if text, ok := inner.(string); ok && key == "description" {
				v[key] = lineBreak.ReplaceAllString(text, "$1 $2")
			}
			joinLines(inner)
		}
	case []any:
		for _, inner := range v {
			joinLines(inner)
		}
	}
}
