package rest

import (
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
)

// bodyErrorPrefix marks decoding errors, which reach the error handler as text only.
const bodyErrorPrefix = "request body: "

// jsonCodec is proto JSON: camelCase names, enums as strings, 64-bit numbers as strings. Lists
// that are empty and numbers that are 0 are written, so that clients need no defaults; messages
// that are absent are left out. Fields that do not exist are refused.
type jsonCodec struct {
	runtime.JSONPb
}

func newJSONCodec() *jsonCodec {
	return &jsonCodec{runtime.JSONPb{
		MarshalOptions:   protojson.MarshalOptions{EmitDefaultValues: true},
		UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: false},
	}}
}

// StreamContentType is that of one JSON object per line.
func (*jsonCodec) StreamContentType(any) string { return "application/x-ndjson" }

func (c *jsonCodec) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if len(data) == 0 {
			return io.EOF // No body is an empty message.
		}
		if err := checkSyntax(data); err != nil {
			return err
		}
		if err := c.Unmarshal(data, v); err != nil {
			return errors.New(bodyErrorPrefix + tidy(err.Error()))
		}
		return nil
	})
}

// checkSyntax refuses what is no JSON as a whole; the decoder would stop after the first value.
func checkSyntax(data []byte) error {
	var any json.RawMessage
	err := json.Unmarshal(data, &any)
	if err == nil {
		return nil
	}
	return errors.New(bodyErrorPrefix + "not valid JSON: " + err.Error())
}

var protoPrefix = regexp.MustCompile(`^proto:[\s\x{00a0}]*`)

// tidy removes what the protobuf library puts in front of its errors, on purpose not always the
// same.
func tidy(text string) string {
	text = strings.ReplaceAll(protoPrefix.ReplaceAllString(text, ""), "\u00a0", " ")
	return strings.TrimPrefix(text, "syntax error ")
}
